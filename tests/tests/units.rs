//! The units of systemd say of paths, consent and programs what the code has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use telemetry_config::{Key, keys};
use test_harness::programs;

/// A unit of the source tree: its assignments in order, with the paths of this build.
struct Unit {
    name: String,
    lines: Vec<(String, String)>,
}

impl Unit {
    fn values(&self, key: &str) -> Vec<&str> {
        self.lines.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    }

    fn words(&self, key: &str) -> Vec<&str> {
        self.values(key).into_iter().flat_map(str::split_whitespace).collect()
    }

    /// The programs of ours that it starts.
    fn programs(&self) -> Vec<&str> {
        let first_words = self.values("ExecStart").into_iter().filter_map(|line| line.split(' ').next());
        first_words.filter_map(|word| word.strip_prefix("@BINDIR@/")).collect()
    }
}

fn root_of(key: &Key<PathBuf>, below: &str) -> String {
    key.default.strip_suffix(below).unwrap().to_owned()
}

fn units() -> BTreeMap<String, Unit> {
    let folder = programs::source_root().join("units");
    let read = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path())
            .unwrap()
            .replace("@SYSCONFDIR@", &root_of(&keys::ETC_DIR, "/telemetrics"))
            .replace("@LOCALSTATEDIR@", &root_of(&keys::STATE_DIR, "/lib/telemetry"))
            .replace("@RUNSTATEDIR@", &root_of(&keys::RUN_DIR, "/telemetry"));
        let assignments = text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
        let lines = assignments.map(|line| {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
            (key.to_owned(), value.to_owned())
        });
        Unit { name: entry.file_name().into_string().unwrap(), lines: lines.collect() }
    };
    let read = fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap()));
    read.map(|unit| (unit.name.clone(), unit)).collect()
}

#[test]
fn paths_are_those_of_the_code() {
    let units = units();
    let [spool, state, log, cache] =
        [&keys::SPOOL_DIR, &keys::STATE_DIR, &keys::LOG_DIR, &keys::CACHE_DIR].map(|key| key.default);
    for (unit, written) in [
        ("telemprobd.service", &[spool, state][..]),
        ("telempostd.service", &[spool, state, log]),
        ("klogscanner.service", &[state]),
        ("journal-probe.service", &[state]),
        ("journal-probe-tail.service", &[state]),
        ("pstore-clean.service", &[cache, state, "-/sys/fs/pstore"]),
        ("pstore-probe.service", &[&format!("-{cache}"), state]),
        ("hprobe.service", &[]),
        ("envprobe.service", &[state]),
        ("checkprobe.service", &[&format!("{state}/checks")]),
        ("telempulld.service", &[state]),
    ] {
        assert_eq!(units[unit].words("ReadWritePaths"), written, "{unit}");
    }
    assert_eq!(units["telemprobd.socket"].values("ListenStream"), [keys::SOCKET_PATH.default]);
    assert_eq!(units["telempostd.path"].values("DirectoryNotEmpty"), [spool]);
    // Hidden names do not match the stars: what a folder says of itself starts nothing.
    let copies = format!("{spool}/{}/*/*", telemetry_store::spool::COPY_DIR);
    assert_eq!(units["telempostd.path"].values("PathExistsGlob"), [copies]);
    let run_dir = keys::RUN_DIR.default.strip_prefix("/run/");
    for unit in units.values().filter(|unit| !unit.values("RuntimeDirectory").is_empty()) {
        assert_eq!(unit.values("RuntimeDirectory"), run_dir.as_slice(), "{}", unit.name);
        // What one service removes at its end, others would miss.
        assert_eq!(unit.values("RuntimeDirectoryPreserve"), ["yes"], "{}", unit.name);
    }
}

#[test]
fn nothing_runs_before_consent() {
    let consent = format!("{}/opt-in", keys::ETC_DIR.default);
    let request = format!("{}/forget/pending.json", keys::STATE_DIR.default);
    for unit in units().values() {
        // What opt-out has left to be done, and what ends that.
        let condition = match unit.name.as_str() {
            "telempost-forget.service" | "telempost-forget.timer" => request.clone(),
            "telempost-forget-done.service" => format!("!{request}"),
            _ => consent.clone(),
        };
        assert!(unit.values("ConditionPathExists").contains(&condition.as_str()), "{}", unit.name);
    }
}

#[test]
fn every_service_is_bounded_and_its_program_is_there() {
    let services: Vec<_> = units().into_values().filter(|unit| unit.name.ends_with(".service")).collect();
    assert!(services.len() >= 5);
    for service in &services {
        for limit in ["MemoryMax", "TasksMax"] {
            assert_eq!(service.values(limit).len(), 1, "{}: {limit}=", service.name);
        }
        for program in service.programs() {
            assert!(programs::path(program).is_file(), "{}: {program} is not built", service.name);
        }
    }
}

/// Whoever enables one of the services by itself has what it needs, and by default its activator is enabled instead.
#[test]
fn what_can_be_enabled_by_hand_brings_what_starts_it() {
    let units = units();
    let mut by_hand = Vec::new();
    for unit in units.values().filter(|unit| !unit.values("Also").is_empty()) {
        assert_eq!(unit.values("WantedBy"), ["multi-user.target"], "{}", unit.name);
        for activator in unit.words("Also") {
            let activator = &units[activator];
            assert!(activator.values("Also").is_empty(), "{}", activator.name);
            assert_eq!(activator.values("WantedBy").len(), 1, "{}", activator.name);
            by_hand.push((unit.name.as_str(), activator.name.as_str()));
        }
    }
    assert_eq!(
        by_hand,
        [
            ("hprobe.service", "hprobe.timer"),
            ("telempostd.service", "telempostd.path"),
            ("telemprobd.service", "telemprobd.socket"),
        ]
    );
}

/// A probe that is started alone finds somebody who listens.
#[test]
fn probes_require_the_socket() {
    let senders = ["hprobe", "journalprobe", "klogscanner", "pstoreprobe", "envprobe", "checkprobe"];
    let units = units();
    let sends = |unit: &&Unit| unit.programs().iter().any(|program| senders.contains(program));
    let probes: Vec<_> = units.values().filter(sends).collect();
    assert_eq!(probes.len(), 7);
    for probe in probes {
        for key in ["Requires", "After"] {
            assert!(probe.words(key).contains(&"telemprobd.socket"), "{}: {key}=", probe.name);
        }
    }
    assert_eq!(units["hprobe.service"].values("ExecStart"), ["@BINDIR@/hprobe -Hlu"]);
}

/// Without the drop-in that the generator makes of a key, nothing wakes.
#[test]
fn the_timer_of_samples_asks_for_what_the_generator_writes() {
    let timer = &units()["envprobe.timer"];
    let drop_in = format!("/run/systemd/generator/{}", telemetrics_generator::TIMER_DROP_IN);
    assert!(timer.values("ConditionPathExists").contains(&drop_in.as_str()), "{:?}", timer.lines);
}

/// What stands behind a sandbox hides no file system, no device and no process.
#[test]
fn who_reads_how_the_machine_is_sees_it_as_it_is() {
    let units = units();
    for service in ["envprobe.service", "telempulld.service"].map(|name| &units[name]) {
        for hiding in ["PrivateNetwork", "PrivateTmp", "PrivateUsers", "ProtectProc", "ProcSubset"] {
            assert_eq!(service.values(hiding), [""; 0], "{}: {hiding}=", service.name);
        }
        assert_eq!(service.values("ProtectHome"), ["read-only"], "{}", service.name);
        // Nor does it connect to anybody.
        assert_eq!(service.values("RestrictAddressFamilies"), ["AF_UNIX"], "{}", service.name);
    }
}

/// Its socket is made by the generator; whoever starts it by itself has that, too, and it starts with nothing else.
#[test]
fn telempulld_is_started_by_its_socket() {
    let service = &units()["telempulld.service"];
    for key in ["Wants", "After"] {
        assert!(service.words(key).contains(&telemetrics_generator::PULL_SOCKET), "{key}=");
    }
    assert_eq!(service.values("WantedBy"), [""; 0]);
}

/// `systemctl` on a tree with our units and nothing else, without a systemd that runs.
fn systemctl(root: &Path, arguments: &[&str]) -> String {
    let output = Command::new("systemctl").arg("--root").arg(root).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The seed's second way: the services, which bring the socket and the path unit with them.
#[test]
fn services_that_are_enabled_are_enabled() {
    if Command::new("systemctl").arg("--version").output().is_err() {
        println!("skipped: no systemctl here (Debian package systemd)");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(programs::source_root().join("units")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    for (service, activator) in [
        ("telemprobd.service", "telemprobd.socket"),
        ("telempostd.service", "telempostd.path"),
        ("hprobe.service", "hprobe.timer"),
    ] {
        for (verb, word) in [("enable", "enabled"), ("disable", "disabled")] {
            systemctl(root.path(), &[verb, service]);
            for unit in [service, activator] {
                assert_eq!(systemctl(root.path(), &["is-enabled", unit]), word, "{verb}: {unit}");
            }
        }
        systemctl(root.path(), &["enable", activator]);
        assert_eq!(systemctl(root.path(), &["is-enabled", service]), "disabled", "{service}");
    }
}
