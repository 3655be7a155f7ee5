//! What is wrong with the collector itself.

use std::sync::PoisonError;

use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::ask::Ask;
use crate::storage::answers::Collector;
use crate::sync::SourceState;
use crate::timestamp::{format_day, format_utc};

/// Nothing for longer than this, where something was heard before, is strange: heartbeats come daily.
const SILENT_SECS: i64 = 26 * 60 * 60;

/// A buffer that is away for less is not news: it keeps what it has.
const FAILING_SECS: i64 = 15 * 60;

/// Something that is wrong, or that one should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What, and what to do.
    pub(super) text: String,
    /// Whether it passes by itself.
    pub(super) passes: bool,
}

impl Trouble {
    fn new(text: String) -> Self {
        Self { text, passes: false }
    }

    fn passing(text: String) -> Self {
        Self { text, passes: true }
    }

    pub(super) fn value(&self) -> Value {
        context! { text => self.text.clone(), passes => self.passes }
    }

    pub(super) fn json(&self) -> Json {
        json!({ "text": self.text, "passes": self.passes })
    }
}

/// All of it, worst first.
pub(super) fn troubles(ask: &Ask, collector: &Collector, sources: &[SourceState]) -> Vec<Trouble> {
    let mut found = of_database(collector, ask.now_secs);
    found.extend(of_sources(sources, ask.now_secs));
    let debuginfod = ask.app.debuginfod.lock().unwrap_or_else(PoisonError::into_inner).clone();
    found.extend(debuginfod.map(Trouble::passing));
    let rules = ask.app.rules_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
    found.extend(rules.map(Trouble::new));
    let broken = ask.app.extensions.broken();
    found.extend(
        broken.iter().map(|broken| Trouble::new(format!("Plug-in {}: {}", broken.file, broken.reason))),
    );
    found.sort_by_key(|trouble| trouble.passes);
    found
}

fn of_database(collector: &Collector, now_secs: i64) -> Vec<Trouble> {
    let mut found = Vec::new();
    if let Some(last) = collector.last_received_secs.filter(|last| now_secs - last > SILENT_SECS) {
        found.push(Trouble::new(format!(
            "No record was received since {}: do machines still reach the collector?",
            format_utc(last)
        )));
    }
    for met in &collector.bounds {
        let what = match met.bound.as_str() {
            "signatures_of_program" => "new signatures of one program a day",
            "signatures" => "new signatures a day",
            "variants" => "variants of one signature",
            "versions" => "new versions a day",
            "modules" => "builds of modules",
            "symbols" => "addresses that wait for names of debug files",
            "series" => "series of samples",
            "sample_layouts" => "lists of series of samples",
            "machine_series" => "series of one machine",
            "machine_checks" => "checks of one machine",
            "check_changes" => "changes of one check",
            "gone_checks" => "checks of one machine that are gone",
            "samples_late" => "samples that came too late",
            other => other,
        };
        // Of samples there is no example, and that of a machine which has asked to be forgotten is gone.
        let is_of_samples = matches!(
            met.bound.as_str(),
            "series"
                | "sample_layouts"
                | "machine_series"
                | "machine_checks"
                | "check_changes"
                | "gone_checks"
                | "samples_late"
        );
        let beyond = match (is_of_samples, met.example.as_str()) {
            (true, _) => "what is beyond it is left out".to_owned(),
            (false, "") => "what is beyond it is together in one group".to_owned(),
            (false, example) => {
                format!("for instance by {example}: what is beyond it is together in one group")
            }
        };
        found.push(Trouble::new(format!(
            "On {} the bound on {what} was met {} times; {beyond}",
            format_day(met.day),
            met.times
        )));
    }
    if collector.unread > 0 {
        found.push(Trouble::passing(format!(
            "{} older records are still to be sorted into groups",
            collector.unread
        )));
    }
    for moving in collector.moving.iter().take(5) {
        found.push(Trouble::passing(format!(
            "Records are moving out of group {}: {} of {} are done",
            moving.from, moving.moved, moving.total
        )));
    }
    found
}

/// Buffers that nothing is fetched from.
fn of_sources(sources: &[SourceState], now_secs: i64) -> Vec<Trouble> {
    let failing = sources.iter().filter_map(|source| Some((source, source.failing_since?)));
    let failing = failing.filter(|(_, since)| now_secs - since > FAILING_SECS);
    let text = |(source, since): (&SourceState, i64)| {
        Trouble::new(format!(
            "Nothing is fetched since {} from {}",
            format_utc(since),
            source.error.as_deref().unwrap_or(&source.source)
        ))
    };
    failing.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::answers::{BoundMet, Moving};

    #[test]
    fn a_buffer_that_is_away_for_long_is_named() {
        let source = |since| SourceState {
            source: "inner:8443".into(),
            failing_since: since,
            error: Some("inner:8443: no route to host".into()),
            ..SourceState::default()
        };
        let sources = [source(None), source(Some(1000)), source(Some(1001))];
        let found = of_sources(&sources, 1001 + FAILING_SECS);
        let [Trouble { text, passes: false }] = &found[..] else { panic!("{found:?}") };
        assert_eq!(
            text,
            "Nothing is fetched since 1970-01-01 00:16:40 UTC from inner:8443: no route to host"
        );
    }

    #[test]
    fn troubles_are_named() {
        let quiet = Collector {
            rules: "1".into(),
            unread: 0,
            moving: vec![],
            bounds: vec![],
            last_received_secs: Some(1000),
            groups: 1,
            variants: 1,
        };
        assert_eq!(of_database(&quiet, 1000 + SILENT_SECS), []);
        let silent = of_database(&quiet, 1001 + SILENT_SECS);
        assert!(silent[0].text.contains("1970-01-01 00:16:40 UTC"), "{silent:?}");
        let bound = BoundMet { day: 1, bound: "signatures".into(), times: 7, example: "evil".into() };
        let moving = Moving { from: 3, moved: 10, total: 20, begun_secs: 0 };
        let busy = Collector { unread: 5, moving: vec![moving], bounds: vec![bound], ..quiet };
        let texts: Vec<_> = of_database(&busy, 1000).into_iter().map(|trouble| trouble.text).collect();
        assert!(
            texts[0].contains("1970-01-02") && texts[0].contains("7 times") && texts[0].contains("evil"),
            "{texts:?}"
        );
        assert!(texts[1].contains("5 older") && texts[2].contains("10 of 20"), "{texts:?}");
    }
}
