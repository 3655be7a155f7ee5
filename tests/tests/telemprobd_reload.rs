//! A reload of telemprobd that fails, at whatever step, leaves the old configuration in force as a whole; one that works
//! loses no client.

use nix::sys::signal::Signal;
use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use system_tests::torture::needs_root;
use telemetry_store::spool::{SpoolDir, SpoolEntry, file};
use test_harness::{Fault, Process, Sandbox, frame, until};

const STORED: Option<i32> = Some(0);
const FAILED: &str = "the configuration in force stays";
const RELOADED: &str = "configuration reloaded";

/// Paths that a reload changes all at once, so that one that is changed alone is noticed.
const KEYS: [(&str, &str); 4] =
    [("socket_path", "socket"), ("spool_dir", "spool"), ("state_dir", "state"), ("etc_dir", "etc")];

/// telemprobd with the paths of a set, "old" or "new".
struct Running {
    sandbox: Sandbox,
    daemon: Process,
    sent: usize,
}

impl Running {
    fn start() -> Self {
        let mut sandbox = Sandbox::new();
        for set in ["old", "new"] {
            fs::create_dir_all(sandbox.path(set).join("etc")).unwrap();
            fs::write(sandbox.path(set).join("etc/opt-in"), "").unwrap();
        }
        configure(&mut sandbox, "old");
        let daemon = sandbox.start_telemprobd();
        let mut running = Self { sandbox, daemon, sent: 0 };
        running.assert_serves("old");
        running
    }

    /// Sends a record to the socket of this set, which has to be stored in its spool.
    fn assert_serves(&mut self, set: &str) {
        let spool = self.sandbox.path(set).join("spool");
        let before = records(&spool);
        self.sent += 1;
        let message = frame::good("org.example/reload/serves", &self.sent.to_string());
        let answer = frame::send(&self.sandbox.path(set).join("socket"), &message);
        assert_eq!(answer, STORED, "{}", self.daemon.log());
        assert_eq!(records(&spool), before + 1, "{}", self.daemon.log());
    }

    /// Reloads; returns whether that worked. A client of this set is in the middle of its message meanwhile.
    fn reload_from(&self, set: &str) -> bool {
        let client = HalfSent::connect(&self.sandbox.path(set).join("socket"));
        let worked = self.signal_reload();
        client.assert_is_served();
        worked
    }

    fn signal_reload(&self) -> bool {
        let count = |text| self.daemon.log().matches(text).count();
        let (failed, reloaded) = (count(FAILED), count(RELOADED));
        self.daemon.signal(Signal::SIGHUP);
        until("the end of the reload", || {
            let is_over = count(FAILED) > failed || count(RELOADED) > reloaded;
            is_over.then(|| count(RELOADED) > reloaded)
        })
    }

    /// After a failed reload: everything is that of the old set, and nothing of the new one is left open.
    fn assert_untouched(&mut self, case: &str, descriptors: usize) {
        self.assert_serves("old");
        let socket = self.sandbox.path("new/socket");
        assert!(!socket.exists(), "{case}: a socket of the new configuration is left");
        until(&format!("no descriptor more than before, {case}"), || {
            (self.descriptors_at_rest() == descriptors).then_some(())
        });
    }

    /// How many descriptors the daemon has open once it sleeps: a client is answered before it is closed. Those of segments
    /// come and go with what is sent.
    fn descriptors_at_rest(&self) -> usize {
        let stat = format!("/proc/{}/stat", self.daemon.pid());
        until("the daemon sleeps", || {
            let segments = || {
                let links = fs::read_dir(format!("/proc/{}/fd", self.daemon.pid())).unwrap();
                let target = |link: fs::DirEntry| fs::read_link(link.path()).unwrap_or_default();
                let is_segment = |path: &PathBuf| path.display().to_string().contains("/.seg-");
                links.flatten().map(target).filter(is_segment).count()
            };
            let is_asleep = fs::read_to_string(&stat).unwrap().contains(") S ");
            is_asleep.then(|| self.daemon.open_descriptors() - segments())
        })
    }

    /// As [`Running::reload_from`] the old set, but the daemon's `nth` call of this name fails. Returns whether the reload
    /// worked, and whether there was such a call.
    fn reload_with_fault(&self, call: &str, nth: usize) -> (bool, bool) {
        let client = HalfSent::connect(&self.sandbox.path("old/socket"));
        let fault = Fault::inject(&self.daemon, &self.sandbox.path(""), call, "ENOSPC", &nth.to_string());
        let worked = self.signal_reload();
        let was_refused = fault.lift();
        client.assert_is_served();
        (worked, was_refused)
    }
}

/// A client in the middle of its message.
struct HalfSent {
    stream: UnixStream,
    rest: Vec<u8>,
}

impl HalfSent {
    fn connect(socket: &Path) -> Self {
        let mut message = frame::good("org.example/reload/slow", "slow");
        let rest = message.split_off(100);
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(&message).unwrap();
        Self { stream, rest }
    }

    fn assert_is_served(mut self) {
        self.stream.write_all(&self.rest).unwrap();
        let mut answer = [1; 4];
        self.stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0; 4]);
    }
}

fn configure(sandbox: &mut Sandbox, set: &str) {
    for (key, name) in KEYS {
        let path = sandbox.path(set).join(name);
        sandbox.set(key, path.display());
    }
}

fn records(spool: &Path) -> usize {
    let Ok(spool) = SpoolDir::open(spool) else { return 0 };
    let entries = spool.entries_and_segments().unwrap();
    let ids = |entry: &SpoolEntry| {
        let records = file::decode(&entry.name, &spool.read(&entry.name).unwrap()).records;
        records.into_iter().map(|record| record.id)
    };
    entries.iter().flat_map(ids).collect::<HashSet<_>>().len()
}

/// A key whose new value is wrong, what is at the path that it names, and what the log says.
struct WrongValue {
    key: &'static str,
    value: fn(&Sandbox) -> PathBuf,
    text: &'static str,
}

#[test]
fn a_configuration_that_cannot_work_changes_nothing() {
    let mut running = Running::start();
    running.sandbox.write("file", "no directory, no socket");
    let _taken = UnixListener::bind(running.sandbox.path("taken")).unwrap();
    let descriptors = running.descriptors_at_rest();
    let wrong_values = [
        WrongValue { key: "spool_sync", value: |_| "perhaps".into(), text: "must be true, false, 1 or 0" },
        WrongValue { key: "spool_dir", value: |s| s.path("file/spool"), text: "Not a directory" },
        WrongValue { key: "state_dir", value: |s| s.path("file/state"), text: "Not a directory" },
        WrongValue { key: "etc_dir", value: |s| s.path("none"), text: "No such file or directory" },
        WrongValue { key: "socket_path", value: |s| s.path("taken"), text: "another program listens there" },
        WrongValue { key: "socket_path", value: |s| s.path("file"), text: "no socket is there" },
        WrongValue { key: "socket_path", value: |s| s.path("none/socket"), text: "must exist" },
    ];
    for WrongValue { key, value, text } in wrong_values {
        configure(&mut running.sandbox, "new");
        let value = value(&running.sandbox);
        running.sandbox.set(key, value.display());
        assert!(!running.reload_from("old"), "{key}={}", value.display());
        let log = running.daemon.log();
        let line = log.lines().last().unwrap();
        assert!(line.contains(key) && line.contains(text), "{key}={}: {line}", value.display());
        running.assert_untouched(key, descriptors);
        running.sandbox.set("spool_sync", "true");
    }
    fs::remove_file(running.sandbox.config()).unwrap();
    assert!(!running.reload_from("old"));
    running.assert_untouched("no configuration", descriptors);

    configure(&mut running.sandbox, "new");
    assert!(running.reload_from("old"), "{}", running.daemon.log());
    assert!(!running.sandbox.path("old/socket").exists());
    running.assert_serves("new");
    running.daemon.stop();
}

#[test]
fn a_call_that_the_system_refuses_changes_nothing() {
    if !needs_root("making calls of another process fail") {
        return;
    }
    let mut running = Running::start();
    let descriptors = running.descriptors_at_rest();
    // Files and directories, the watches over spool and consent, the socket, and what waits for them.
    for call in [
        "openat",
        "faccessat2",
        "getdents64",
        "inotify_init1",
        "inotify_add_watch",
        "socket",
        "bind",
        "listen",
        "epoll_ctl",
    ] {
        let mut failures = 0;
        for nth in 1.. {
            configure(&mut running.sandbox, "new");
            let (worked, was_refused) = running.reload_with_fault(call, nth);
            if worked {
                // None is left, or it was one that the reload can do without.
                configure(&mut running.sandbox, "old");
                assert!(running.reload_from("new"), "{call} {nth}: {}", running.daemon.log());
            } else {
                failures += 1;
            }
            running.assert_untouched(&format!("{call} {nth}"), descriptors);
            if !was_refused {
                break;
            }
        }
        assert!(failures > 0, "{call}: no reload failed: {}", running.daemon.log());
    }
    // The watches over spool and consent, and what a person does about them.
    let log = running.daemon.log();
    for text in ["spool_dir", "etc_dir"] {
        let line =
            log.lines().find(|line| line.contains(text) && line.contains("cannot be watched")).unwrap();
        assert!(line.ends_with("raise fs.inotify.max_user_watches (sysctl)"), "{line}");
    }
    running.daemon.stop();
}
