//! Reads what is asked for: readings at most once a second, lists at most once a minute, the window whenever it is due.

use crate::checks;
use crate::environment::{CertificateKind, Environment, Root, WatchedCertificate, iso_milliseconds};
use crate::limits::{LISTS_AGE, READINGS_AGE, WINDOW_FILE_BYTES};
use crate::settings::{PULL_WINDOW_FILE, SERVICE, Settings};
use crate::window::{Row, Saved, Values, Window};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use telemetry_config::consent;
use telemetry_runtime::clocks;
use telemetry_sensors::catalogue::FILESYSTEM_USAGE;
use telemetry_sensors::certificates::{self, Certificate};
use telemetry_sensors::disks::Wanted;
use telemetry_sensors::moment::{Memory, OwnProcess, operating_system};
use telemetry_sensors::packages::{self, Package};
use telemetry_sensors::process_list::{self, Process};
use telemetry_sensors::{
    Family, Helpers, LastRead, Moment, Number, Sampler, SensorError, SensorReport, Snapshot, Source, Wishes,
    daemons,
};
use telemetry_store::state_file;
use telemetry_trust::paths::{CLIENT_CERTIFICATE_FILE, SERVER_CERTIFICATE_FILE, identity_dir};

/// Our version, which is the proxy's for X-Road.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The service of this machine that connects to others.
const CLIENT: &str = "telempostd";

/// Which lists somebody asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Installed packages.
    pub has_packages: bool,
    /// Processes.
    pub has_processes: bool,
}

/// A list, and when it was read.
type Aged<T> = (Duration, Result<Arc<[T]>, SensorError>);

/// Lists that were read: apart from all else, since it takes half a second, or with rpm many.
pub struct ReadLists {
    packages: Option<Aged<Package>>,
    processes: Option<Aged<Process>>,
}

impl ReadLists {
    /// Reads these, in any thread.
    pub fn read(lists: Lists) -> Self {
        let user = Some(nix::unistd::geteuid().as_raw());
        let processes = || process_list::list(&Source::machine(), user, unix_secs()).map(Arc::from);
        let packages = lists.has_packages.then(|| packages::list().map(Arc::from));
        let processes = lists.has_processes.then(processes);
        let now = clocks::since_boot();
        Self { packages: packages.map(|list| (now, list)), processes: processes.map(|list| (now, list)) }
    }
}

/// Reads, and remembers for as long as what it read is shown again.
pub struct Gatherer {
    source: Source,
    helpers: Helpers,
    last_read: LastRead,
    window: Window,
    sampler: Sampler,
    readings: Option<(Duration, Environment)>,
    packages: Option<Aged<Package>>,
    processes: Option<Aged<Process>>,
}

impl Gatherer {
    /// For a process that keeps the window over a restart and may write into `run_dir`; without, nothing is kept.
    pub fn new(run_dir: Option<&Path>) -> Self {
        let window = run_dir.map(restored).unwrap_or_default();
        Self {
            source: Source::machine(),
            helpers: Helpers::new(run_dir),
            last_read: LastRead::new(),
            window,
            sampler: Sampler::new(Source::machine()),
            readings: None,
            packages: None,
            processes: None,
        }
    }

    /// Takes a value into the window. The load is that since the last call, so that the first one has none.
    pub fn sample(&mut self) {
        let Moment { load, free, swap_free, open_files, virtual_bytes } = self.sampler.sample();
        let values: Values =
            [load, free, swap_free, open_files, virtual_bytes].map(|value| value.map(|value| value as f64));
        self.window.add(Row { at_secs: clocks::since_boot().as_secs_f64(), values });
    }

    /// Keeps the window for the next process of this boot.
    ///
    /// # Errors
    /// As the system says.
    pub fn save_window(&self, run_dir: &Path) -> io::Result<()> {
        state_file::write_private(&window_file(run_dir), &self.window.save(&boot_id()))
    }

    /// Which of these lists are to be read anew.
    pub fn due(&self, lists: Lists) -> Lists {
        let now = clocks::since_boot();
        let is_old = |read: Option<Duration>| read.is_none_or(|read| now.saturating_sub(read) >= LISTS_AGE);
        Lists {
            has_packages: lists.has_packages && is_old(self.packages.as_ref().map(|(read, _)| *read)),
            has_processes: lists.has_processes && is_old(self.processes.as_ref().map(|(read, _)| *read)),
        }
    }

    /// Takes what was read.
    pub fn take(&mut self, read: ReadLists) {
        self.packages = read.packages.or(self.packages.take());
        self.processes = read.processes.or(self.processes.take());
    }

    /// What is known now, with these lists as they were last read.
    pub fn environment(&mut self, settings: &Settings, lists: Lists) -> Environment {
        let now = clocks::since_boot();
        let is_fresh = |age: Duration, limit: Duration| now.saturating_sub(age) < limit;
        let mut environment = match self.readings.take() {
            Some((read, environment)) if is_fresh(read, READINGS_AGE) => {
                self.readings = Some((read, environment.clone()));
                environment
            }
            _ => {
                let environment = self.read(settings);
                self.readings = Some((now, environment.clone()));
                environment
            }
        };
        environment.time = iso_milliseconds(unix_millis());
        environment.windows = self.window.summaries(now.as_secs_f64());
        let sensors = &mut environment.sensors;
        if lists.has_packages {
            environment.packages = shown("packages", self.packages.as_ref(), now, sensors);
        }
        if lists.has_processes {
            environment.processes = shown("process-list", self.processes.as_ref(), now, sensors);
        }
        environment
    }

    fn read(&mut self, settings: &Settings) -> Environment {
        let wishes = Wishes {
            has_system: true,
            disks: Some(&Wanted::Local),
            certificates: &settings.certificate_files,
        };
        let now_secs = clocks::since_boot().as_secs();
        let Snapshot { mut families, mut sensors } =
            Snapshot::take(&self.source, &mut self.helpers, &wishes, &mut self.last_read, now_secs);
        let failures = Snapshot { families: Vec::new(), sensors: sensors.clone() }.failures();
        let root = root(&families);
        families.extend(daemons::families(
            &settings.state_dir,
            VERSION,
            consent::is_opted_in(&settings.etc_dir),
        ));
        families.extend(failures);
        let operating_system = operating_system(&self.source);
        if let Err(error) = &operating_system {
            let error = Some(error.clone());
            sensors.push(SensorReport { name: "operating_system".to_owned(), error, age_secs: None });
        }
        Environment {
            time: String::new(),
            version: VERSION,
            operating_system: operating_system.ok(),
            families,
            sensors,
            memory: Memory::read(&self.source).unwrap_or_default(),
            own: OwnProcess::read(&self.source),
            root,
            windows: Default::default(),
            checks: checks::read(&settings.state_dir),
            certificates: watched(settings),
            packages: None,
            processes: None,
        }
    }
}

/// A list, and how its sensor fared.
fn shown<T>(
    name: &str,
    list: Option<&Aged<T>>,
    now: Duration,
    sensors: &mut Vec<SensorReport>,
) -> Option<Arc<[T]>> {
    let (read, list) = list?;
    let age_secs = list.is_ok().then(|| now.saturating_sub(*read).as_secs());
    sensors.push(SensorReport { name: name.to_owned(), error: list.as_ref().err().cloned(), age_secs });
    list.as_ref().ok().cloned()
}

/// By the series of the file system at `/`, whose states add up to its size.
fn root(families: &[Family]) -> Option<Root> {
    let usage = families.iter().find(|family| family.metric.name == FILESYSTEM_USAGE.name)?;
    let state = |state: &str| {
        usage.samples.iter().find_map(|sample| {
            let has = |label: (&str, &str)| {
                sample.labels.iter().any(|(name, value)| (*name, value.as_str()) == label)
            };
            match sample.value {
                Number::Whole(bytes) if has(("mountpoint", "/")) && has(("state", state)) => Some(bytes),
                _ => None,
            }
        })
    };
    let free_bytes = state("free")?.saturating_add(state("reserved").unwrap_or(0));
    Some(Root { total_bytes: free_bytes.saturating_add(state("used")?), free_bytes })
}

/// Our own two, and those that an administrator named.
fn watched(settings: &Settings) -> Vec<WatchedCertificate> {
    let file = |service: &str, name: &str| {
        vec![identity_dir(&settings.state_dir, service).join(name).display().to_string()]
    };
    let named = settings.certificate_files.clone();
    [
        (CertificateKind::AuthOrSign, file(CLIENT, CLIENT_CERTIFICATE_FILE)),
        (CertificateKind::ServerTls, file(SERVICE, SERVER_CERTIFICATE_FILE)),
        (CertificateKind::ClientTls, named),
    ]
    .into_iter()
    .flat_map(|(kind, files)| {
        let (certificates, _) = certificates::list(&files);
        certificates.into_iter().map(move |certificate| watched_as(kind, certificate))
    })
    .collect()
}

fn watched_as(kind: CertificateKind, certificate: Certificate) -> WatchedCertificate {
    let Certificate { path, fingerprint, not_before_unix_secs, not_after_unix_secs } = certificate;
    WatchedCertificate { kind, path, fingerprint, not_before_unix_secs, not_after_unix_secs }
}

fn restored(run_dir: &Path) -> Window {
    match state_file::read_bounded::<Saved>(&window_file(run_dir), WINDOW_FILE_BYTES) {
        Ok(Some(saved)) => Window::restore(saved, &boot_id(), clocks::since_boot().as_secs_f64()),
        Ok(None) => Window::default(),
        Err(error) => {
            log::warn!(
                "{}: {error}; the windows of the last hour begin anew",
                window_file(run_dir).display()
            );
            Window::default()
        }
    }
}

fn window_file(run_dir: &Path) -> PathBuf {
    run_dir.join(PULL_WINDOW_FILE)
}

fn boot_id() -> String {
    telemetry_trust::BootTime::now().map(|now| now.boot_id).unwrap_or_default()
}

fn unix_millis() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn unix_secs() -> u64 {
    u64::try_from(unix_millis() / 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;

    fn settings(directory: &Path) -> Settings {
        let text = format!("[settings]\nstate_dir={0}\netc_dir={0}\nrun_dir={0}\n", directory.display());
        Settings::read(&Configuration::parse(Path::new("/f.conf"), &text).unwrap()).unwrap()
    }

    #[test]
    fn this_machine_is_read_once_a_second_and_lists_if_they_are_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let (settings, mut gatherer) = (settings(dir.path()), Gatherer::new(None));
        let environment = gatherer.environment(&settings, Lists::default());
        assert!(environment.packages.is_none() && environment.processes.is_none());
        assert!(environment.operating_system.unwrap().starts_with("Linux version "));
        let root = environment.root.unwrap();
        assert!(root.free_bytes <= root.total_bytes && root.total_bytes > 0);
        assert!(environment.memory.total.unwrap() > 0);
        let read = gatherer.readings.as_ref().unwrap().0;
        let lists = Lists { has_packages: true, has_processes: true };
        assert_eq!(gatherer.due(lists), lists);
        gatherer.take(ReadLists::read(lists));
        assert_eq!(gatherer.due(lists), Lists::default());
        let environment = gatherer.environment(&settings, lists);
        assert_eq!(gatherer.readings.as_ref().unwrap().0, read);
        let own = std::process::id();
        let process =
            environment.processes.as_ref().unwrap().iter().find(|process| process.pid == own).unwrap();
        assert!(process.arguments.is_some());
        assert!(environment.sensors.iter().any(|sensor| sensor.name == "packages"));
        assert!(environment.open_metrics().ends_with("# EOF\n"));
    }

    #[test]
    fn the_window_is_kept_and_a_file_of_noise_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut gatherer = Gatherer::new(Some(dir.path()));
        (0..3).for_each(|_| gatherer.sample());
        gatherer.save_window(dir.path()).unwrap();
        let mut next = Gatherer::new(Some(dir.path()));
        let counts = next.window.summaries(clocks::since_boot().as_secs_f64()).map(|summary| summary.count);
        assert_eq!(counts[1..], [3, 3, 3, 3]);
        std::fs::write(window_file(dir.path()), "noise").unwrap();
        assert_eq!(Gatherer::new(Some(dir.path())).window, Window::default());
    }
}
