//! What a sample says of a machine in few numbers, that can be compared with another machine's: shares rather than sums.

use std::collections::BTreeMap;

/// What a number counts, for showing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A part of a whole, 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Degrees Celsius.
    Celsius,
    /// Anything else.
    Number,
}

/// The values of a sample by name and labels, those as OpenMetrics writes them, sorted by their names.
#[derive(Clone, Debug, Default)]
pub struct Values<'a>(BTreeMap<(&'a str, &'a str), f64>);

/// A number that a sample gives.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name in JSON.
    pub name: &'static str,
    /// As people read it.
    pub title: &'static str,
    /// What it counts.
    pub unit: Unit,
    read: fn(&Values<'_>) -> Option<f64>,
}

/// All of them.
pub const ALL: &[Measure] = &[
    Measure {
        name: "memory_available",
        title: "Memory available",
        unit: Unit::Share,
        read: |values| {
            share(
                values.get("system_memory_linux_available_bytes", "")?,
                values.get("system_memory_limit_bytes", "")?,
            )
        },
    },
    Measure {
        name: "memory",
        title: "Memory of the machine",
        unit: Unit::Bytes,
        read: |values| values.get("system_memory_limit_bytes", ""),
    },
    Measure {
        name: "swap_used",
        title: "Swap in use",
        unit: Unit::Share,
        read: |values| {
            let used = values.get("system_paging_usage_bytes", "state=\"used\"")?;
            share(used, used + values.get("system_paging_usage_bytes", "state=\"free\"")?)
        },
    },
    Measure {
        name: "load",
        title: "Load of 5 minutes a processor",
        unit: Unit::Number,
        read: |values| {
            let processors = values.get("system_cpu_logical_count", "").filter(|count| *count >= 1.0)?;
            Some(values.get("system_load", "minutes=\"5\"")? / processors)
        },
    },
    Measure {
        name: "disk_free",
        title: "Free space of the fullest file system",
        unit: Unit::Share,
        read: |values| values.least_free("system_filesystem_usage_bytes"),
    },
    Measure {
        name: "inodes_free",
        title: "Free inodes of the file system with fewest",
        unit: Unit::Share,
        read: |values| values.least_free("system_filesystem_inodes"),
    },
    Measure {
        name: "open_files",
        title: "Open files of those allowed",
        unit: Unit::Share,
        read: |values| {
            share(
                values.get("system_file_descriptors", "state=\"used\"")?,
                values.get("system_file_descriptors", "state=\"limit\"")?,
            )
        },
    },
    Measure {
        name: "processes",
        title: "Processes",
        unit: Unit::Number,
        read: |values| values.get("system_process_count", ""),
    },
    Measure {
        name: "temperature",
        title: "Temperature",
        unit: Unit::Celsius,
        read: |values| values.get("system_temperature_celsius", ""),
    },
    Measure {
        name: "uptime",
        title: "Time since the machine started",
        unit: Unit::Seconds,
        read: |values| values.get("system_uptime_seconds", ""),
    },
];

impl Measure {
    /// What it is in a sample; none where that does not say it.
    #[must_use]
    pub fn of(&self, values: &Values<'_>) -> Option<f64> {
        (self.read)(values).filter(|value| value.is_finite())
    }
}

impl<'a> Values<'a> {
    /// Of a sample.
    pub fn new(points: impl IntoIterator<Item = (&'a str, &'a str, f64)>) -> Self {
        Self(points.into_iter().map(|(name, labels, value)| ((name, labels), value)).collect())
    }

    fn get(&self, name: &str, labels: &str) -> Option<f64> {
        self.0.get(&(name, labels)).copied()
    }

    /// The smallest free share of all file systems.
    fn least_free(&self, name: &str) -> Option<f64> {
        sizes(
            self.0
                .iter()
                .filter(|((known, _), _)| *known == name)
                .map(|((_, labels), value)| (*labels, *value)),
        )
        .into_values()
        .filter_map(|space| share(space.free, space.size))
        .min_by(f64::total_cmp)
    }
}

/// How much of something there is, and how much of it is free.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Space {
    /// What is free for everybody.
    pub free: f64,
    /// All of it.
    pub size: f64,
}

/// The spaces of a sample, by their labels without `state`.
pub fn sizes<'a>(points: impl Iterator<Item = (&'a str, f64)>) -> BTreeMap<&'a str, Space> {
    let mut spaces: BTreeMap<&str, Space> = BTreeMap::new();
    for (labels, value) in points {
        // Labels are sorted: `state` stands behind `mountpoint`.
        let Some((of, state)) = labels.rsplit_once(",state=\"") else { continue };
        let space = spaces.entry(of).or_default();
        space.size += value;
        if state == "free\"" {
            space.free = value;
        }
    }
    spaces
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[(&str, &str, f64)] = &[
        ("system_memory_limit_bytes", "", 8e9),
        ("system_memory_linux_available_bytes", "", 2e9),
        ("system_paging_usage_bytes", "state=\"free\"", 3e9),
        ("system_paging_usage_bytes", "state=\"used\"", 1e9),
        ("system_cpu_logical_count", "", 4.0),
        ("system_load", "minutes=\"5\"", 6.0),
        ("system_filesystem_usage_bytes", "mountpoint=\"/\",state=\"free\"", 30.0),
        ("system_filesystem_usage_bytes", "mountpoint=\"/\",state=\"used\"", 65.0),
        ("system_filesystem_usage_bytes", "mountpoint=\"/\",state=\"reserved\"", 5.0),
        ("system_filesystem_usage_bytes", "mountpoint=\"/a,state=\\\"free\\\"\",state=\"free\"", 1.0),
        ("system_filesystem_usage_bytes", "mountpoint=\"/a,state=\\\"free\\\"\",state=\"used\"", 4.0),
        ("system_filesystem_inodes", "mountpoint=\"/\",state=\"free\"", 1.0),
        ("system_filesystem_inodes", "mountpoint=\"/\",state=\"used\"", 1.0),
        ("system_file_descriptors", "state=\"limit\"", 1000.0),
        ("system_file_descriptors", "state=\"used\"", 100.0),
        ("system_process_count", "", 200.0),
        ("system_temperature_celsius", "", 55.0),
        ("system_uptime_seconds", "", 3600.0),
    ];

    #[test]
    fn a_sample_in_few_numbers() {
        let values = Values::new(SAMPLE.iter().copied());
        let found: Vec<_> = ALL.iter().map(|measure| (measure.name, measure.of(&values))).collect();
        assert_eq!(
            found,
            [
                ("memory_available", Some(0.25)),
                ("memory", Some(8e9)),
                ("swap_used", Some(0.25)),
                ("load", Some(1.5)),
                ("disk_free", Some(0.2)),
                ("inodes_free", Some(0.5)),
                ("open_files", Some(0.1)),
                ("processes", Some(200.0)),
                ("temperature", Some(55.0)),
                ("uptime", Some(3600.0)),
            ]
        );
    }

    #[test]
    fn what_is_not_said_is_none() {
        let nothing = Values::default();
        assert!(ALL.iter().all(|measure| measure.of(&nothing).is_none()));
        let none = [("system_memory_limit_bytes", "", 0.0), ("system_memory_linux_available_bytes", "", 1.0)];
        assert_eq!(ALL[0].of(&Values::new(none)), None);
    }
}
