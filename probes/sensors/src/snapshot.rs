//! All readings that somebody asks for, at one moment, and how each sensor fared.

use crate::catalogue::{SENSOR_AGE, SENSOR_FAILED, TEMPERATURE};
use crate::certificates;
use crate::disks::{self, Mount, Usage, Wanted};
use crate::error::SensorError;
use crate::helper::{Answer, Helpers, Question, highest, usage};
use crate::limits::LABEL_BYTES;
use crate::metric::{Family, Sample};
use crate::source::Source;
use crate::system;
use crate::text;
use std::collections::BTreeMap;

/// When each sensor last gave a reading, in seconds of the caller's clock.
pub type LastRead = BTreeMap<String, u64>;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// The machine as a whole.
    pub has_system: bool,
    /// File systems.
    pub disks: Option<&'a Wanted>,
    /// Files of certificates, or patterns of their paths.
    pub certificates: &'a [String],
}

/// How a sensor fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensorReport {
    /// Which: `memory`, or `filesystem:/srv`.
    pub name: String,
    /// Why it gave no reading; none if it did.
    pub error: Option<SensorError>,
    /// Seconds since its last reading; none if it never gave one.
    pub age_secs: Option<u64>,
}

/// Readings of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The readings.
    pub families: Vec<Family>,
    /// How the sensors fared, in the order in which they were asked.
    pub sensors: Vec<SensorReport>,
}

impl Snapshot {
    /// Reads what is asked for. `last_read` is what an earlier call left there, and `now_secs` the same clock's time.
    pub fn take(
        source: &Source,
        helpers: &mut Helpers,
        wishes: &Wishes<'_>,
        last_read: &mut LastRead,
        now_secs: u64,
    ) -> Self {
        let mut gathering = Gathering { snapshot: Self::default(), last_read, now_secs };
        if wishes.has_system {
            for (name, families) in system::readings(source) {
                gathering.add(name, families);
            }
        }
        gathering.ask(source, helpers, wishes);
        if !wishes.certificates.is_empty() {
            let (family, faults) = certificates::read(wishes.certificates);
            gathering.snapshot.families.push(family);
            for (path, error) in faults {
                gathering.add(&format!("certificate:{path}"), Err(error));
            }
        }
        gathering.finish()
    }

    /// The sensors that failed, as series.
    pub fn failures(&self) -> Vec<Family> {
        let failed = || self.sensors.iter().filter(|sensor| sensor.error.is_some());
        let label =
            |sensor: &SensorReport, value: u64| Sample::labelled("sensor", sensor.name.clone(), value);
        let ages = failed().filter_map(|sensor| Some(label(sensor, sensor.age_secs?)));
        vec![
            Family { metric: &SENSOR_AGE, samples: ages.collect() },
            Family { metric: &SENSOR_FAILED, samples: failed().map(|sensor| label(sensor, 1)).collect() },
        ]
    }
}

/// A snapshot that is being made.
struct Gathering<'a> {
    snapshot: Snapshot,
    last_read: &'a mut LastRead,
    now_secs: u64,
}

impl Gathering<'_> {
    fn add(&mut self, name: &str, result: Result<Vec<Family>, SensorError>) {
        let (families, error) = match result {
            Ok(families) => (families, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        if error.is_none() {
            self.last_read.insert(name.to_owned(), self.now_secs);
        }
        let last = self.last_read.get(name);
        let age_secs = last.map(|last| self.now_secs.saturating_sub(*last));
        self.snapshot.families.extend(families);
        self.snapshot.sensors.push(SensorReport { name: name.to_owned(), error, age_secs });
    }

    /// What may hang, in helpers, all at one time.
    fn ask(&mut self, source: &Source, helpers: &mut Helpers, wishes: &Wishes<'_>) {
        let mut questions = Vec::new();
        if wishes.has_system {
            questions.push(Question::Temperature);
        }
        if let Some(wanted) = wishes.disks {
            match disks::chosen(source, wanted) {
                Ok((mounts, more)) => {
                    if more > 0 {
                        let text = format!("{more} more file systems are not read");
                        self.add("filesystems", Err(SensorError::Other(text)));
                    }
                    questions.extend(mounts.into_iter().map(Question::FileSystem));
                }
                Err(error) => self.add("filesystems", Err(error)),
            }
        }
        let answers = helpers.ask(source, &questions);
        let mut usages = Vec::new();
        for (question, answer) in questions.iter().zip(answers) {
            match question {
                Question::Temperature => self.add_temperature(answer),
                Question::FileSystem(mount) => usages.extend(self.file_system(mount, answer)),
            }
        }
        self.snapshot.families.extend(disks::families(&usages));
    }

    fn add_temperature(&mut self, answer: Result<Answer, SensorError>) {
        let degrees = |thousandths: i64| thousandths as f64 / 1000.0;
        let family = |answer| vec![Family::one(&TEMPERATURE, highest(answer).map(degrees))];
        self.add("temperature", answer.map(family));
    }

    fn file_system(&mut self, mount: &Mount, answer: Result<Answer, SensorError>) -> Option<(String, Usage)> {
        let point = text::name(&mount.point).into_owned();
        let answer = if point.len() > LABEL_BYTES {
            Err(SensorError::Other("its path is too long".to_owned()))
        } else {
            answer
        };
        let shown = point.chars().take(LABEL_BYTES / 4).collect::<String>();
        let found = answer.as_ref().ok().map(|answer| (point, usage(*answer)));
        self.add(&format!("filesystem:{shown}"), answer.map(|_| Vec::new()));
        found
    }

    /// What was not asked this time is forgotten: file systems come and go.
    fn finish(self) -> Snapshot {
        let Self { snapshot, last_read, .. } = self;
        last_read.retain(|name, _| snapshot.sensors.iter().any(|sensor| sensor.name == *name));
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openmetrics;

    #[test]
    fn a_sensor_that_fails_is_one_reading_with_its_age_and_the_others_go_on() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("proc/1")).unwrap();
        std::fs::write(root.path().join("proc/uptime"), "5.00 1.00\n").unwrap();
        let source = Source::below(root.path());
        let (wishes, mut last) = (Wishes { has_system: true, ..Wishes::default() }, LastRead::new());
        let mut take = |now| Snapshot::take(&source, &mut Helpers::default(), &wishes, &mut last, now);
        let first = take(1000);
        let find = |snapshot: &Snapshot, name: &str| {
            snapshot.sensors.iter().find(|sensor| sensor.name == name).unwrap().clone()
        };
        assert_eq!((find(&first, "uptime").error, find(&first, "uptime").age_secs), (None, Some(0)));
        assert!(find(&first, "load").error.unwrap().to_string().contains("/proc/loadavg: "));
        std::fs::remove_file(root.path().join("proc/uptime")).unwrap();
        let second = take(1060);
        assert_eq!(find(&second, "uptime").age_secs, Some(60));
        let text = openmetrics::text(&second.failures());
        assert!(text.contains("telemetry_sensor_failed{sensor=\"uptime\"} 1\n"), "{text}");
        assert!(text.contains("telemetry_sensor_age_seconds{sensor=\"uptime\"} 60\n"), "{text}");
        assert!(!text.contains("telemetry_sensor_age_seconds{sensor=\"load\"}"), "{text}");
    }

    #[test]
    fn this_machine_is_read() {
        let named = Wanted::Named(vec!["/".to_owned()]);
        let wishes = Wishes { has_system: true, disks: Some(&named), ..Wishes::default() };
        let (source, mut helpers) = (Source::machine(), Helpers::default());
        let snapshot = Snapshot::take(&source, &mut helpers, &wishes, &mut LastRead::new(), 1);
        assert!(snapshot.sensors.iter().all(|sensor| sensor.error.is_none()), "{:?}", snapshot.sensors);
        let text = openmetrics::text(&snapshot.families);
        assert!(text.contains("system_filesystem_usage_bytes{mountpoint=\"/\",state=\"used\"} "), "{text}");
    }
}
