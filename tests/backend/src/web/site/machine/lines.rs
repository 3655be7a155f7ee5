//! The lines of a machine: samples of up to three days, hours of up to five weeks, days of up to two years.

use minijinja::Value;
use serde_json::{Value as Json, json};

use crate::charts::{Course, CourseLine, Stretch};
use crate::samples::{Line, LinePoint, Resolution, Series};
use crate::timestamp::format_utc;

const DAY_SECS: i64 = 24 * 60 * 60;

/// Days up to which single samples are drawn, and up to which hours are.
const SAMPLES_DAYS: i64 = 3;
const HOURS_DAYS: i64 = 35;

/// Lines that one can tell apart.
const LINES: usize = 7;

/// The time of lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) days: i64,
    pub(super) from_secs: i64,
    pub(super) until_secs: i64,
}

impl Span {
    /// Days up to now.
    pub(super) fn new(days: i64, now_secs: i64) -> Self {
        let from_secs = now_secs.saturating_sub(days.saturating_mul(DAY_SECS));
        // What is of this second too.
        Self { days, from_secs, until_secs: now_secs.saturating_add(1) }
    }

    pub(super) fn resolution(self) -> Resolution {
        if self.days <= SAMPLES_DAYS {
            Resolution::Samples
        } else if self.days <= HOURS_DAYS {
            Resolution::Hours
        } else {
            Resolution::Days
        }
    }

    /// Seconds from one point to the next.
    fn every_secs(self, interval_secs: i64) -> i64 {
        match self.resolution() {
            Resolution::Samples => interval_secs,
            Resolution::Hours => 60 * 60,
            Resolution::Days => DAY_SECS,
        }
    }

    /// How a time below an axis is written.
    fn show(self) -> fn(i64) -> String {
        match self.days {
            1 => |secs| format_utc(secs).get(11..16).map(str::to_owned).unwrap_or_default(),
            ..=HOURS_DAYS => |secs| format_utc(secs).get(5..16).map(str::to_owned).unwrap_or_default(),
            _ => |secs| format_utc(secs).get(..10).map(str::to_owned).unwrap_or_default(),
        }
    }
}

/// A chart: series of one name, each by the value of a label.
struct Chart {
    title: &'static str,
    metric: &'static str,
    /// The label whose value names a line; empty where there is one line alone.
    label: &'static str,
    /// Which series of that name; all if there is no label.
    only: (&'static str, &'static [&'static str]),
}

const ALL: (&str, &[&str]) = ("", &[]);

const CHARTS: &[Chart] = &[
    Chart {
        title: "Free space, bytes",
        metric: "system_filesystem_usage_bytes",
        label: "mountpoint",
        only: ("state", &["free"]),
    },
    Chart { title: "Memory, bytes", metric: "system_memory_usage_bytes", label: "state", only: ALL },
    Chart {
        title: "Memory available, bytes",
        metric: "system_memory_linux_available_bytes",
        label: "",
        only: ALL,
    },
    Chart {
        title: "Swap in use, bytes",
        metric: "system_paging_usage_bytes",
        label: "",
        only: ("state", &["used"]),
    },
    Chart { title: "Load over 1, 5 and 15 minutes", metric: "system_load", label: "minutes", only: ALL },
    Chart {
        title: "Processors, seconds a second",
        metric: "system_cpu_time_seconds",
        label: "mode",
        only: ("mode", &["user", "system", "iowait", "steal"]),
    },
    Chart {
        title: "Waiting for a resource, seconds a second",
        metric: "system_pressure_seconds",
        label: "resource",
        only: ("kind", &["some"]),
    },
    Chart { title: "Disks, bytes a second", metric: "system_disk_io_bytes", label: "direction", only: ALL },
    Chart {
        title: "Network, bytes a second",
        metric: "system_network_io_bytes",
        label: "direction",
        only: ALL,
    },
    Chart {
        title: "Free inodes",
        metric: "system_filesystem_inodes",
        label: "mountpoint",
        only: ("state", &["free"]),
    },
    Chart { title: "Processes", metric: "system_process_count", label: "", only: ALL },
    Chart {
        title: "Temperature, degrees Celsius",
        metric: "system_temperature_celsius",
        label: "",
        only: ALL,
    },
];

impl Chart {
    /// The name of a series' line; none where it is not of this chart.
    fn name(&self, series: &Series) -> Option<String> {
        let (label, values) = self.only;
        let is_wanted = || series.label(label).is_some_and(|value| values.contains(&value.as_str()));
        if series.name != self.metric || !(label.is_empty() || is_wanted()) {
            return None;
        }
        if self.label.is_empty() { Some(self.title.to_owned()) } else { series.label(self.label) }
    }
}

/// Whether one of our charts shows it.
pub(super) fn is_charted(series: &Series) -> bool {
    CHARTS.iter().any(|chart| chart.name(series).is_some())
}

/// Charts of these lines: ours, and one a name of others.
pub(super) fn charts(lines: &[Line], span: Span, interval_secs: i64) -> Vec<Value> {
    let mut charts = Vec::new();
    for chart in CHARTS {
        let named = lines.iter().filter_map(|line| Some((chart.name(&line.series)?, line)));
        charts.extend(drawn(chart.title, named.collect(), span, interval_secs));
    }
    let mut others: Vec<&str> =
        lines.iter().filter(|line| !is_charted(&line.series)).map(|line| line.series.name.as_str()).collect();
    others.sort_unstable();
    others.dedup();
    for name in others {
        let named = lines.iter().filter(|line| line.series.name == name && !is_charted(&line.series));
        charts.extend(drawn(
            name,
            named.map(|line| (line.series.labels.clone(), line)).collect(),
            span,
            interval_secs,
        ));
    }
    charts
}

/// A chart, unless it would be empty.
fn drawn(title: &str, mut named: Vec<(String, &Line)>, span: Span, interval_secs: i64) -> Option<Value> {
    named.retain(|(_, line)| !line.points.is_empty());
    named.sort_by(|one, other| one.0.cmp(&other.0));
    named.truncate(LINES);
    if named.is_empty() {
        return None;
    }
    let stretch = |point: &LinePoint| Stretch {
        at_secs: point.at_secs,
        count: point.count,
        min: point.min,
        mean: point.mean,
        max: point.max,
    };
    let lines: Vec<CourseLine<'_>> = named
        .iter()
        .map(|(name, line)| CourseLine { name, stretches: line.points.iter().map(stretch).collect() })
        .collect();
    let course = Course {
        title,
        time: (span.from_secs, span.until_secs),
        every_secs: span.every_secs(interval_secs),
        lines: &lines,
        show: span.show(),
    };
    Some(Value::from_safe_string(course.html()))
}

/// As JSON.
pub(super) fn json(lines: &[Line], span: Span) -> Json {
    let resolution = match span.resolution() {
        Resolution::Samples => "samples",
        Resolution::Hours => "hours",
        Resolution::Days => "days",
    };
    let point = |point: &LinePoint| {
        json!({
            "at": format_utc(point.at_secs), "count": point.count, "min": point.min, "mean": point.mean,
            "max": point.max, "last": point.last,
        })
    };
    let line = |line: &Line| {
        json!({
            "name": line.series.name, "labels": line.series.labels, "unit": line.series.unit, "resolution": resolution,
            "points": line.points.iter().map(point).collect::<Vec<_>>(),
        })
    };
    lines.iter().map(line).collect()
}
