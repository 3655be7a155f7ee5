//! What happened to records since the first start, as the daemons counted it.

use super::{plural, unreadable};
use serde::{Serialize, Serializer};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;
use telemetry_store::counters::{Counter, Counts};

/// Reasons that a line for people names; the others are a sum.
const REASONS_SHOWN: usize = 6;

/// One counter.
#[derive(Debug, Serialize)]
pub(super) struct CounterStatus {
    #[serde(skip)]
    pub(super) counter: Counter,
    /// The sum, that without a reason included; none where it cannot be read.
    pub(super) total: Option<u64>,
    /// By reason, or by classification; empty for a counter that has none.
    pub(super) by_reason: BTreeMap<String, u64>,
}

/// All counters, in the order in which they are shown, and why some cannot be read. A daemon that never ran counted nothing.
pub(super) fn read(state_dir: &Path) -> (Vec<CounterStatus>, Option<String>) {
    let (mut unknown, mut reason) = (Vec::new(), None);
    let counts = Counts::read_and_report(state_dir, |program, path, error| {
        unknown.push(program);
        reason.get_or_insert_with(|| unreadable(path, error));
    });
    let status = |counter: Counter| CounterStatus {
        counter,
        total: (!unknown.contains(&counter.program())).then(|| counts.total(counter)),
        by_reason: counts
            .by_reason(counter)
            .filter(|(reason, _)| !reason.is_empty())
            .map(|(reason, count)| (reason.to_owned(), count))
            .collect(),
    };
    (Counter::ALL.map(status).into(), reason)
}

/// An object of the counters' names.
pub(super) fn as_object<S: Serializer>(counters: &[CounterStatus], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counters.iter().map(|status| (status.counter.name(), status)))
}

/// The counters for people: the way of every record, and what went wrong if anything did.
pub(super) fn lines(counters: &[CounterStatus]) -> Vec<(&'static str, String)> {
    let is_shown = |status: &&CounterStatus| status.total > Some(0) || is_main(status.counter);
    counters.iter().filter(is_shown).map(|status| (title(status.counter), line(status))).collect()
}

/// Those whose zero says something too.
fn is_main(counter: Counter) -> bool {
    matches!(counter, Counter::Accepted | Counter::Refused | Counter::Delivered)
}

fn title(counter: Counter) -> &'static str {
    match counter {
        Counter::Accepted => "Accepted",
        Counter::Refused => "Refused",
        Counter::Delivered => "Delivered",
        Counter::Retried => "Retried",
        Counter::Rejected => "Rejected",
        Counter::Expired => "Expired",
        Counter::Dropped => "Dropped",
        Counter::SetAside => "Set aside",
        Counter::RateLimited => "Rate limited",
        Counter::MaybeTwice => "Maybe twice",
        Counter::Copied => "Copied",
        Counter::CopyRejected => "Copy rejected",
        Counter::CopyExpired => "Copy expired",
        Counter::CopyDropped => "Copy dropped",
    }
}

fn line(status: &CounterStatus) -> String {
    let noun = if status.counter == Counter::SetAside { "file" } else { "record" };
    let Some(total) = status.total else { return "not known".to_owned() };
    let total = plural(total, noun);
    let mut reasons: Vec<_> = status.by_reason.iter().filter(|(_, count)| **count > 0).collect();
    reasons.sort_by_key(|(_, count)| Reverse(**count));
    let (shown, others) = reasons.split_at(reasons.len().min(REASONS_SHOWN));
    let mut parts: Vec<_> = shown.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if !others.is_empty() {
        let sum = others.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(**count));
        parts.push(format!("{} others {sum}", others.len()));
    }
    if parts.is_empty() { total } else { format!("{total}: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(counter: Counter, counts: &[(&str, u64)]) -> CounterStatus {
        let by_reason: BTreeMap<_, _> =
            counts.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        CounterStatus { counter, total: Some(by_reason.values().sum()), by_reason }
    }

    #[test]
    fn the_main_counters_are_always_shown_and_others_if_they_count() {
        let mut all: Vec<_> = Counter::ALL.map(|counter| status(counter, &[])).into();
        let titles =
            |all: &[CounterStatus]| lines(all).into_iter().map(|(title, _)| title).collect::<Vec<_>>();
        assert_eq!(titles(&all), ["Accepted", "Refused", "Delivered"]);
        for status in &mut all {
            status.total = Some(1);
        }
        let expected = Counter::ALL.map(title);
        assert_eq!(titles(&all), expected);
    }

    #[test]
    fn the_most_frequent_reasons_are_named() {
        let reasons = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let counts: Vec<_> = reasons.into_iter().zip(1..).collect();
        for (status, expected) in [
            (status(Counter::Refused, &[]), "0 records"),
            (
                status(Counter::Refused, &[("malformed", 1), ("spool_full", 2), ("storage", 0)]),
                "3 records: spool_full 2, malformed 1",
            ),
            (status(Counter::RateLimited, &counts), "36 records: h 8, g 7, f 6, e 5, d 4, c 3, 2 others 3"),
            (CounterStatus { total: Some(1), ..status(Counter::SetAside, &[]) }, "1 file"),
            (CounterStatus { total: None, ..status(Counter::Accepted, &[]) }, "not known"),
        ] {
            assert_eq!(line(&status), expected);
        }
    }
}
