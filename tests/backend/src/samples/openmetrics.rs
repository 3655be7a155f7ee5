//! OpenMetrics text of any machine: `# TYPE` and `# UNIT`, samples, `# EOF`. Source of the format:
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
//!
//! What is no line of it is counted and left out, and the rest counts: a record that was accepted is worth what can be read of it.

use std::collections::HashMap;

use super::gather::{Gatherer, Reading};
use super::limits::{LABELS, LABELS_BYTES, METRICS};
use super::series::{Kind, Series, next_label};

/// Says which part of a sample a text is: nothing about the machine.
const PART: &str = "telemetry_sample_part";

/// What a text says of a metric.
#[derive(Clone, Copy, Default)]
struct Metric<'a> {
    kind: &'a str,
    unit: &'a str,
}

/// Reads a text.
#[must_use]
pub fn parse(text: &str) -> Reading {
    let mut metrics: HashMap<&str, Metric<'_>> = HashMap::new();
    let mut gatherer = Gatherer::default();
    for line in text.lines() {
        let line = line.trim_end_matches('\r');
        if line == "# EOF" {
            break;
        }
        if let Some(comment) = line.strip_prefix('#') {
            describe(&mut metrics, comment);
        } else if !line.trim().is_empty() {
            sample(&metrics, line, &mut gatherer);
        }
    }
    gatherer.finish()
}

/// Notes ` TYPE name kind` and ` UNIT name unit`.
fn describe<'a>(metrics: &mut HashMap<&'a str, Metric<'a>>, comment: &'a str) {
    let mut words = comment.split_ascii_whitespace();
    let (Some(what @ ("TYPE" | "UNIT")), Some(name), Some(word)) = (words.next(), words.next(), words.next())
    else {
        return;
    };
    if metrics.len() >= METRICS && !metrics.contains_key(name) {
        return;
    }
    let metric = metrics.entry(name).or_default();
    if what == "TYPE" {
        metric.kind = word;
    } else {
        metric.unit = word;
    }
}

/// Adds the value of a line.
fn sample(metrics: &HashMap<&str, Metric<'_>>, line: &str, gatherer: &mut Gatherer) {
    let name_end = line.find(['{', ' ', '\t']).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    let Some((labels, rest)) = labels(rest) else {
        gatherer.leave_out(1);
        return;
    };
    let value = rest.split_ascii_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    match metric_of(metrics, name) {
        None => {}
        Some((name, ..)) if name == PART => {}
        Some((name, unit, kind)) => {
            let series = Series::new(name, labels, unit, kind);
            gatherer.add(series, value.unwrap_or(f64::NAN));
        }
    }
}

/// The labels in front of a value, and what is behind them.
fn labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Some((labels, text)) };
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, value, behind) = next_label(rest)?;
        if labels.len() >= LABELS || name.len() > LABELS_BYTES || value.len() > LABELS_BYTES {
            return None;
        }
        labels.push((name.trim().to_owned(), value));
        rest = behind.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(behind) => behind,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// The metric that a sample of this name belongs to, its unit and kind; none for what says when a counter began.
fn metric_of<'a>(metrics: &HashMap<&'a str, Metric<'a>>, name: &'a str) -> Option<(&'a str, &'a str, Kind)> {
    let of = |base: &'a str, kinds: &[&str]| {
        metrics
            .get(base)
            .copied()
            .filter(|metric| kinds.contains(&metric.kind))
            .map(|metric| (base, metric.unit))
    };
    if let Some((base, unit)) = name.strip_suffix("_total").and_then(|base| of(base, &["counter"])) {
        return Some((base, unit, Kind::Counter));
    }
    if let Some((base, unit)) = name.strip_suffix("_info").and_then(|base| of(base, &["info"])) {
        return Some((base, unit, Kind::Info));
    }
    let sums = &["histogram", "summary", "gaugehistogram"];
    if name
        .strip_suffix("_created")
        .is_some_and(|base| of(base, &["counter", "histogram", "summary"]).is_some())
    {
        return None;
    }
    for ending in ["_bucket", "_count", "_sum"] {
        if let Some((_, unit)) = name.strip_suffix(ending).and_then(|base| of(base, sums)) {
            return Some((name, unit, Kind::Counter));
        }
    }
    let metric = metrics.get(name).copied().unwrap_or_default();
    // As older texts have it, the type stands at the whole name.
    if metric.kind == "counter" {
        return Some((name.strip_suffix("_total").unwrap_or(name), metric.unit, Kind::Counter));
    }
    Some((name, metric.unit, Kind::Gauge))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::limits::MACHINE_SERIES;

    fn shown(text: &str) -> (Vec<String>, u64) {
        let reading = parse(text);
        let line = |point: &crate::samples::Point| {
            let Series { name, labels, unit, kind } = &point.series;
            format!("{kind:?} {name}{{{labels}}} {unit} {}", point.value)
        };
        (reading.points.iter().map(line).collect(), reading.left_out)
    }

    #[test]
    fn what_our_own_machines_send_is_read() {
        let text = "\
# TYPE system_cpu_time_seconds counter
# UNIT system_cpu_time_seconds seconds
system_cpu_time_seconds_total{mode=\"user\"} 0.30000000000000004
# TYPE system_filesystem_usage_bytes gauge
# UNIT system_filesystem_usage_bytes bytes
system_filesystem_usage_bytes{state=\"free\",mountpoint=\"/a\\\\b\\\"c\\nd\"} 18446744073709551615
# TYPE system_process_created counter
system_process_created_total 7
# TYPE telemetry_build info
telemetry_build_info{version=\"4.0.1\"} 1
# TYPE telemetry_sample_part gauge
telemetry_sample_part{number=\"1\",of=\"3\"} 1
# EOF
system_uptime_seconds 5
";
        let (points, left_out) = shown(text);
        assert_eq!(
            points,
            [
                "Counter system_cpu_time_seconds{mode=\"user\"} seconds 0.30000000000000004",
                "Gauge system_filesystem_usage_bytes{mountpoint=\"/a\\\\b\\\"c\\nd\",state=\"free\"} bytes 18446744073709552000",
                "Counter system_process_created{}  7",
                "Info telemetry_build{version=\"4.0.1\"}  1",
            ]
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn what_others_send_is_read_as_far_as_it_is_text_of_this_form() {
        let text = "a 1 1700000000 # {trace=\"x\"} 1\r\n# HELP a b\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_created 9\n\
                    # TYPE old_total counter\nold_total 4\n b 1\n{} 2\nc{x=\"1\" 2\nd{x=1} 2\ne\nf NaN\ng +Inf\ni 1e400\nj{a=\"1\",a=\"2\"} 1\n\
                    k{ } -0.5\nl{b=\"1\", } 3\n\n";
        let (points, left_out) = shown(text);
        assert_eq!(
            points,
            [
                "Gauge a{}  1",
                "Counter h_bucket{le=\"+Inf\"}  3",
                "Counter h_count{}  3",
                "Gauge k{}  -0.5",
                "Gauge l{b=\"1\"}  3",
                "Counter old{}  4",
            ]
        );
        assert_eq!(left_out, 9, "b, the nameless one, c, d, e, f, g, i, j");
    }

    #[test]
    fn a_hostile_text_is_bounded() {
        let many: String = (0..100_000).map(|n| format!("n{n} {n}\n")).collect();
        let reading = parse(&many);
        assert_eq!((reading.points.len(), reading.left_out), (MACHINE_SERIES, 100_000 - 512));
        let long = format!("m{{a=\"{}\"}} 1\nm 2\n", "x".repeat(8192));
        assert_eq!(shown(&long), (vec!["Gauge m{}  2".to_owned()], 1));
        let types: String = (0..100_000).map(|n| format!("# TYPE n{n} counter\n")).collect();
        assert_eq!(parse(&types), Reading::default());
    }

    #[test]
    fn of_a_series_that_comes_twice_the_larger_value_counts() {
        assert_eq!(parse("a 1\na 3\na NaN\na 2\n").points[0].value, 3.0);
        assert_eq!(parse("a 2\na NaN\na 1\na 3\n"), parse("a 1\na 3\na NaN\na 2\n"));
    }

    proptest::proptest! {
        /// As `fuzz/targets/openmetrics.rs` has it, on what is nearly a text of this form.
        #[test]
        fn whatever_is_sent_leaves_lines_of_this_form(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "# TYPE a counter\n", "# TYPE b info\n", "# UNIT a x\n", "# EOF\n", "\n", "a_total", "b_info", "a", "{", "}", "x=\"", "\"", "\\",
                    "\\n", ",", " ", "1", "-2.5e3", "NaN", "+Inf", "y=\"é\u{1b}\"", "\0", "#", "=", "\r\n", "\t", "x=\"1\"",
                ]),
                0..60,
            ),
        ) {
            let reading = parse(&parts.concat());
            for point in &reading.points {
                proptest::prop_assert!(point.value.is_finite());
                let Series { name, labels, .. } = &point.series;
                proptest::prop_assert!(!labels.contains(char::is_control), "{:?}", labels);
                let again = parse(&format!("{name}{{{labels}}} 1\n"));
                proptest::prop_assert_eq!(again.points.len(), 1, "{}", labels);
                proptest::prop_assert_eq!(&again.points[0].series.labels, labels);
            }
            proptest::prop_assert!(reading.points.is_sorted_by(|one, next| one.series < next.series));
        }
    }
}
