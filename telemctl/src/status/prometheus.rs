//! The status as metrics, in the text format of Prometheus (version 0.0.4), for the folder of node
//! exporter's textfile collector.
//!
//! ```text
//! # HELP NAME what it is
//! # TYPE NAME counter
//! NAME{reason="spool_full"} 12
//! ```
//!
//! What is not known is left out, so that no number is made up. Source of the format:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use super::counters::CounterStatus;
use super::crashes::CrashStatus;
use super::{CopyStatus, Status};
use std::io::{self, Write};
use telemetry_record::harmless::lines;
use telemetry_store::series::{self, Series};

/// A metric with its samples.
#[derive(Debug)]
struct Family {
    series: Series,
    kind: &'static str,
    samples: Vec<Sample>,
}

/// A value, and the label that distinguishes it from others of the metric.
#[derive(Debug)]
struct Sample {
    label: Option<(&'static str, String)>,
    value: i64,
}

/// Prints all metrics.
pub(super) fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let counters = status.counters.iter().filter_map(counter);
    let families = state(status).into_iter().chain(counters).chain([crashes(&status.crashes)]);
    for family in families.filter(|family| !family.samples.is_empty()) {
        family.print(out)?;
    }
    Ok(())
}

fn state(status: &Status) -> Vec<Family> {
    let spool = &status.spool;
    let taken = i64::try_from(status.taken_unix_secs).unwrap_or(i64::MAX);
    let oldest = spool.oldest_unix_secs.map(|oldest| taken.saturating_sub(oldest).max(0));
    // Nothing waits: the oldest has no age, and an alert on it must end.
    let oldest = oldest.or((spool.files == Some(0)).then_some(0));
    let running = status.daemons.iter().filter_map(|daemon| Some((daemon.name, daemon.running?)));
    let version = Sample { label: Some(("version", status.version.to_owned())), value: 1 };
    let daemon = |(name, running): (&str, bool)| Sample {
        label: Some(("daemon", name.to_owned())),
        value: i64::from(running),
    };
    vec![
        gauge(series::BUILD_INFO, [version]),
        one(series::OPTED_IN, Some(status.consent.opted_in.into())),
        gauge(series::DAEMON_RUNNING, running.map(daemon)),
        one(series::SOCKET_LISTENING, Some(status.socket.listening.into())),
        one(series::SPOOL_RECORDS, number(spool.records)),
        one(series::SPOOL_FILES, number(spool.files)),
        one(series::SPOOL_BYTES, number(spool.disk_bytes)),
        one(series::SPOOL_OLDEST, oldest),
        one(series::DAMAGED_FILES, number(spool.damaged)),
        one(series::REJECTED_RECORDS, number(spool.rejected)),
        one(series::LAST_DELIVERED, number(status.delivery.last_delivered_unix_secs)),
        one(series::NEXT_TRY, number(status.delivery.next_try_unix_secs)),
        copies(status, series::COPY_RECORDS, |copy| copy.waiting_records),
        copies(status, series::COPY_BYTES, |copy| copy.waiting_bytes),
        copies(status, series::COPY_FAILURES, |copy| Some(copy.failures.into())),
    ]
}

fn copies(status: &Status, series: Series, value: impl Fn(&CopyStatus) -> Option<u64>) -> Family {
    let sample = |copy: &CopyStatus| {
        Some(Sample { label: Some(("server", copy.url.clone())), value: number(value(copy))? })
    };
    gauge(series, status.server.copies.iter().filter_map(sample))
}

/// None while it is not known.
fn counter(status: &CounterStatus) -> Option<Family> {
    let total = status.total?;
    let label = status.counter.label();
    let of = |(reason, count): (&String, &u64)| Sample {
        label: Some((label, reason.clone())),
        value: i64::try_from(*count).unwrap_or(i64::MAX),
    };
    let mut samples: Vec<_> = status.by_reason.iter().map(of).collect();
    let named = status.by_reason.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let unnamed = total.saturating_sub(named);
    // A counter is there from the beginning, or its first count would not be seen as an increase.
    if unnamed > 0 || samples.is_empty() {
        samples.push(Sample { label: None, value: i64::try_from(unnamed).unwrap_or(i64::MAX) });
    }
    Some(Family { series: series::of_counter(status.counter), kind: "counter", samples })
}

fn crashes(status: &CrashStatus) -> Family {
    let fates = [("sent", status.sent), ("left_out", status.left_out), ("not_sent", status.not_sent)];
    let sample = |(fate, count): (&str, Option<u64>)| {
        Some(Sample { label: Some(("fate", fate.to_owned())), value: number(count)? })
    };
    Family {
        series: series::CRASHES,
        kind: "counter",
        samples: fates.into_iter().filter_map(sample).collect(),
    }
}

fn one(series: Series, value: Option<i64>) -> Family {
    gauge(series, value.map(|value| Sample { label: None, value }))
}

fn gauge(series: Series, samples: impl IntoIterator<Item = Sample>) -> Family {
    Family { series, kind: "gauge", samples: samples.into_iter().collect() }
}

fn number(value: Option<u64>) -> Option<i64> {
    value.map(|value| i64::try_from(value).unwrap_or(i64::MAX))
}

impl Family {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { series: Series { name, help }, kind, samples } = self;
        // In this format a counter's ending is part of its name.
        let name = if *kind == "counter" { format!("{name}_total") } else { (*name).to_owned() };
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        for Sample { label, value } in samples {
            match label {
                Some((key, text)) => writeln!(out, "{name}{{{key}=\"{}\"}} {value}", escaped(&lines(text)))?,
                None => writeln!(out, "{name} {value}")?,
            }
        }
        Ok(())
    }
}

/// A label's value: the format knows three escapes, and takes every other character as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use telemetry_store::counters::Counter;

    #[test]
    fn a_family_is_explained_typed_and_escaped() {
        let status = CounterStatus {
            counter: Counter::Refused,
            total: Some(7),
            by_reason: BTreeMap::from([("a\\b\"c\nd".to_owned(), 3), ("spool_full".to_owned(), 2)]),
        };
        let mut out = Vec::new();
        counter(&status).unwrap().print(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
# HELP telemetry_records_refused_total Records that telemprobd refused, by reason.
# TYPE telemetry_records_refused_total counter
telemetry_records_refused_total{reason=\"a\\\\b\\\"c\\nd\"} 3
telemetry_records_refused_total{reason=\"spool_full\"} 2
telemetry_records_refused_total 2
"
        );
    }

    #[test]
    fn a_counter_begins_at_zero_and_an_unknown_gauge_is_left_out() {
        let status = CounterStatus { counter: Counter::Expired, total: Some(0), by_reason: BTreeMap::new() };
        let family = counter(&status);
        assert!(
            matches!(family.as_ref().unwrap().samples.as_slice(), [Sample { label: None, value: 0 }]),
            "{family:?}"
        );
        assert!(one(series::NEXT_TRY, None).samples.is_empty());
    }
}
