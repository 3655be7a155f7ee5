//! Which entries are shown.

use crate::cli::JournalArguments;
use telemetry_record::classification;
use telemetry_store::delivery_log::DeliveryEntry;

/// What an entry must have; what is none may be anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filter<'a> {
    pub(super) record_id: Option<&'a str>,
    pub(super) event_id: Option<&'a str>,
    pub(super) classification: Option<&'a str>,
    pub(super) boot_id: Option<&'a str>,
}

impl<'a> Filter<'a> {
    pub(super) fn from_arguments(arguments: &'a JournalArguments) -> Self {
        Self {
            record_id: arguments.record_id.as_deref(),
            event_id: arguments.event_id.as_deref(),
            classification: arguments.classification.as_deref(),
            boot_id: arguments.boot_id.as_deref(),
        }
    }

    /// What was asked for, by the long names of the options.
    pub(super) fn named(&self) -> Vec<(&'static str, &'a str)> {
        let options = [
            ("--record_id", self.record_id),
            ("--event_id", self.event_id),
            ("--classification", self.classification),
            ("--boot_id", self.boot_id),
        ];
        options.into_iter().filter_map(|(option, value)| Some((option, value?))).collect()
    }

    /// Whether an entry has all of it.
    pub(super) fn fits(&self, entry: &DeliveryEntry) -> bool {
        let same = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        same(self.record_id, &entry.record_id)
            && same(self.event_id, &entry.event_id)
            && same(self.boot_id, &entry.boot_id)
            && self
                .classification
                .is_none_or(|pattern| classification::matches(pattern, &entry.classification))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_asked_for_must_fit() {
        let entry = DeliveryEntry {
            record_id: "r".to_owned(),
            unix_secs: 0,
            classification: "a/b/c".to_owned(),
            event_id: "e".to_owned(),
            boot_id: "b".to_owned(),
        };
        let any = Filter::default();
        for (filter, expected) in [
            (any, true),
            (Filter { record_id: Some("r"), ..any }, true),
            (Filter { record_id: Some("x"), ..any }, false),
            (Filter { event_id: Some("x"), ..any }, false),
            (Filter { boot_id: Some("x"), ..any }, false),
            (Filter { classification: Some("a/*"), ..any }, true),
            (Filter { classification: Some("a/x/*"), ..any }, false),
            (Filter { classification: Some("a/b/*"), event_id: Some("e"), ..any }, true),
            (Filter { classification: Some("a/b/*"), event_id: Some("x"), ..any }, false),
            (Filter { record_id: Some("r"), boot_id: Some("x"), ..any }, false),
        ] {
            assert_eq!(filter.fits(&entry), expected, "{filter:?}");
        }
    }
}
