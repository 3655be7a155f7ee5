//! The telemetry client itself: what its daemons left in `state_dir` for others, under the names that `telemctl status
//! --prometheus` has. Reasons are a fixed set; classifications, which any user makes up, are only summed.

use crate::catalogue::CHECK_STATE;
use crate::metric::{Family, Group, Kind, Metric, Sample, Sensitivity};
use std::path::Path;
use telemetry_store::check_states::{CheckState, CheckStates};
use telemetry_store::counters::{self, Counter, Counts};
use telemetry_store::delivery_status::DeliveryStatus;
use telemetry_store::series::{self, Series};

const fn metric(series: Series, kind: Kind, unit: &'static str) -> Metric {
    let Series { name, help } = series;
    Metric { name, kind, unit, group: Group::Telemetry, sensitivity: Sensitivity::Numbers, help }
}

/// OpenMetrics has the ending of this by itself.
static BUILD: Metric = Metric { name: "telemetry_build", ..metric(series::BUILD_INFO, Kind::Info, "") };
static OPTED_IN: Metric = metric(series::OPTED_IN, Kind::Gauge, "");
static LAST_DELIVERED: Metric = metric(series::LAST_DELIVERED, Kind::Gauge, "seconds");
static NEXT_TRY: Metric = metric(series::NEXT_TRY, Kind::Gauge, "seconds");
static COUNTERS: [Metric; Counter::ALL.len()] = [
    metric(series::ACCEPTED, Kind::Counter, ""),
    metric(series::REFUSED, Kind::Counter, ""),
    metric(series::DELIVERED, Kind::Counter, ""),
    metric(series::RETRIED, Kind::Counter, ""),
    metric(series::REJECTED, Kind::Counter, ""),
    metric(series::EXPIRED, Kind::Counter, ""),
    metric(series::DROPPED, Kind::Counter, ""),
    metric(series::SET_ASIDE, Kind::Counter, ""),
    metric(series::RATE_LIMITED, Kind::Counter, ""),
    metric(series::MAYBE_TWICE, Kind::Counter, ""),
    metric(series::COPIED, Kind::Counter, ""),
    metric(series::COPY_REJECTED, Kind::Counter, ""),
    metric(series::COPY_EXPIRED, Kind::Counter, ""),
    metric(series::COPY_DROPPED, Kind::Counter, ""),
];

/// What is known of the client, of this version.
pub fn families(state_dir: &Path, version: &str, is_opted_in: bool) -> Vec<Family> {
    let delivery = DeliveryStatus::read(state_dir).ok().flatten().unwrap_or_default();
    let mut families = vec![
        Family { metric: &BUILD, samples: vec![Sample::labelled("version", version, 1_u64)] },
        Family::one(&OPTED_IN, Some(is_opted_in)),
        Family::one(&LAST_DELIVERED, delivery.last_delivered_unix_secs),
        Family::one(&NEXT_TRY, delivery.next_try_unix_secs),
    ];
    let mut unknown = Vec::new();
    let counts = Counts::read_and_report(state_dir, |program, _, _| unknown.push(program));
    let known = Counter::ALL.into_iter().zip(&COUNTERS);
    let known = known.filter(|(counter, _)| !unknown.contains(&counter.program()));
    families.extend(known.map(|(counter, metric)| family(&counts, counter, metric)));
    families
}

/// The states of the checks that have one, as exit codes of Nagios plugins.
pub fn checks(state_dir: &Path) -> Family {
    let states = CheckStates::read(state_dir).ok().flatten().unwrap_or_default();
    let sample =
        |(name, check): (String, CheckState)| Some(Sample::labelled("check", name, check.state?.number()));
    Family { metric: &CHECK_STATE, samples: states.checks.into_iter().filter_map(sample).collect() }
}

/// A counter is there from the beginning, or its first count would not be seen as an increase.
fn family(counts: &Counts, counter: Counter, metric: &'static Metric) -> Family {
    if counter.label() != counters::REASON {
        return Family::one(metric, Some(counts.total(counter)));
    }
    let sample = |(reason, count): (&str, u64)| match reason {
        "" => Sample::plain(count),
        reason => Sample::labelled("reason", reason, count),
    };
    let mut samples: Vec<_> = counts.by_reason(counter).map(sample).collect();
    if samples.is_empty() {
        samples.push(Sample::plain(0_u64));
    }
    Family { metric, samples }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openmetrics;
    use std::time::Instant;
    use telemetry_store::counters::Counters;

    #[test]
    fn every_counter_has_its_name_and_no_name_of_a_user_or_server_comes_out() {
        for (counter, metric) in Counter::ALL.into_iter().zip(&COUNTERS) {
            assert_eq!(metric.name, series::of_counter(counter).name);
        }
        let state = tempfile::tempdir().unwrap();
        let mut counters = Counters::open(state.path(), "telemprobd");
        counters.add(Counter::Refused, "malformed", 2, Instant::now());
        counters.write();
        let mut counters = Counters::open(state.path(), "telempostd");
        counters.add(Counter::RateLimited, "com.secret/a/b", 3, Instant::now());
        counters.add(Counter::Copied, "https://secret/v3/collector", 4, Instant::now());
        counters.write();
        let text = openmetrics::text(&families(state.path(), "4.0.1", true));
        for line in [
            "# TYPE telemetry_build info",
            "telemetry_build_info{version=\"4.0.1\"} 1",
            "telemetry_opted_in 1",
            "telemetry_records_accepted_total 0",
            "telemetry_records_refused_total{reason=\"malformed\"} 2",
            "telemetry_records_rate_limited_total 3",
            "telemetry_records_copied_total 4",
        ] {
            assert!(text.lines().any(|there| there == line), "{line}: {text}");
        }
        assert!(!text.contains("secret"), "{text}");
        std::fs::write(state.path().join("telempostd.counters.json"), "half").unwrap();
        let text = openmetrics::text(&families(state.path(), "4.0.1", true));
        assert!(text.contains("accepted") && !text.contains("delivered"), "{text}");
    }
}
