//! OpenMetrics 1.0 text: `TYPE` and `UNIT` of each metric, its samples, `# EOF`. No `HELP`, which would be half of a record,
//! and no time, which the record has. Source of the format:
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
//!
//! ```text
//! # TYPE system_cpu_time_seconds counter
//! # UNIT system_cpu_time_seconds seconds
//! system_cpu_time_seconds_total{mode="user"} 12.5
//! # EOF
//! ```

mod parts;

pub use parts::parts;

use crate::metric::{Family, Kind, Metric, Number, Sample};
use std::fmt::Write;

/// The last line.
const END: &str = "# EOF\n";

/// All families that have a sample, as one text.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        text.push_str(&head(family.metric));
        family.samples.iter().for_each(|sample| text.push_str(&line(family.metric, sample)));
    }
    text + END
}

fn head(metric: &Metric) -> String {
    let (name, unit) = (metric.name, metric.unit);
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Info => "info",
    };
    let mut head = format!("# TYPE {name} {kind}\n");
    if !unit.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(head, "# UNIT {name} {unit}");
    }
    head
}

fn line(metric: &Metric, sample: &Sample) -> String {
    let ending = match metric.kind {
        Kind::Counter => "_total",
        Kind::Gauge => "",
        Kind::Info => "_info",
    };
    let labels: Vec<_> =
        sample.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    format!("{}{ending}{labels} {}\n", metric.name, number(sample.value))
}

/// Without an exponent, in as few digits as say it exactly. What is no number is `NaN`, as the format has it.
pub fn number(value: Number) -> String {
    match value {
        Number::Whole(value) => value.to_string(),
        Number::Real(value) if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        Number::Real(value) => value.to_string(),
    }
}

/// A label's value: the format knows three escapes, and takes every other character as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{CPU_COUNT, CPU_TIME, FILESYSTEM_INODES};

    #[test]
    fn a_family_is_typed_and_its_labels_escaped() {
        let families = [
            Family::by(&CPU_TIME, "mode", [("user", Some(0.1 + 0.2)), ("idle", Some(1e21)), ("nice", None)]),
            Family::one(&CPU_COUNT, None::<u64>),
            Family {
                metric: &FILESYSTEM_INODES,
                samples: vec![Sample::labelled("mountpoint", "/a\\b\"c\nd", u64::MAX).and("state", "used")],
            },
        ];
        assert_eq!(
            text(&families),
            "\
# TYPE system_cpu_time_seconds counter
# UNIT system_cpu_time_seconds seconds
system_cpu_time_seconds_total{mode=\"user\"} 0.30000000000000004
system_cpu_time_seconds_total{mode=\"idle\"} 1000000000000000000000
# TYPE system_filesystem_inodes gauge
system_filesystem_inodes{mountpoint=\"/a\\\\b\\\"c\\nd\",state=\"used\"} 18446744073709551615
# EOF
"
        );
        assert_eq!(text(&[]), "# EOF\n");
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| number(value.into()));
        assert_eq!(special, ["NaN", "+Inf", "-Inf"]);
    }
}
