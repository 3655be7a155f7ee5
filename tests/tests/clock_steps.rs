//! Whatever the wall clock is set to, what waits is neither deleted nor kept from its server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use test_harness::server::{Reply, Server};
use test_harness::{Process, Sandbox, frame, until};

const LIBRARY: &str = "faketime/libfaketime.so.1";

/// A wall clock that the test sets; all other clocks are the machine's.
struct WallClock {
    library: PathBuf,
    file: PathBuf,
}

impl WallClock {
    /// None where libfaketime is not there, which is said, and fails where nothing may be skipped.
    fn new(sandbox: &Sandbox) -> Option<Self> {
        let architecture = std::env::consts::ARCH;
        let folders = [format!("/usr/lib/{architecture}-linux-gnu"), "/usr/lib64".into(), "/usr/lib".into()];
        let Some(library) =
            folders.iter().map(|folder| Path::new(folder).join(LIBRARY)).find(|file| file.exists())
        else {
            eprintln!("skipped: there is no {LIBRARY} (Debian package faketime)");
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "nothing may be skipped where CI=true"
            );
            return None;
        };
        let clock = Self { library, file: sandbox.write("faketime", "+0") };
        Some(clock)
    }

    /// Sets it: `+0`, `+3650d`, `@1970-01-01 00:00:10`.
    fn set(&self, to: &str) {
        let new = self.file.with_extension("new");
        fs::write(&new, to).unwrap();
        fs::rename(new, &self.file).unwrap();
    }

    fn start(&self, sandbox: &Sandbox, program: &str) -> Process {
        let mut command = sandbox.command(program, &["-f", &sandbox.config_arg()]);
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        for (name, value) in [
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
            ("FAKE_UTIME", "0"),
        ] {
            command.env(name, value);
        }
        Process::spawn(&sandbox.path(""), program, &mut command)
    }
}

/// A server that takes records once it may.
fn server() -> (Server, Arc<AtomicBool>) {
    let takes = Arc::new(AtomicBool::new(false));
    let script_takes = Arc::clone(&takes);
    let server =
        Server::start(move |_, _| Reply::Status(if script_takes.load(Ordering::SeqCst) { 201 } else { 503 }));
    (server, takes)
}

/// Waits for another failed request and a look at all of the spool.
fn until_tried_again(server: &Server) {
    server.wait_for(server.requests().len() + 2);
}

/// Stores a record as a program does.
fn send(sandbox: &Sandbox, payload: &str) {
    until("telemprobd listens", || std::os::unix::net::UnixStream::connect(sandbox.socket_path()).ok());
    assert_eq!(frame::send(&sandbox.socket_path(), &frame::good("a/b/c", payload)), Some(0));
}

fn assert_delivered(
    sandbox: &Sandbox,
    server: &Server,
    takes: &AtomicBool,
    payload: &str,
    mut daemon: Process,
) {
    takes.store(true, Ordering::SeqCst);
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert!(!log.contains("record_expiry"), "{log}");
    assert!(server.requests().last().unwrap().text().starts_with(payload));
    assert_eq!(sandbox.delivery_log().len(), 1);
}

#[test]
fn ten_years_ahead_for_two_seconds() {
    let (server, takes) = server();
    let sandbox = Sandbox::with_spool();
    let Some(clock) = WallClock::new(&sandbox) else { return };
    sandbox.configure(&server.url(), "");
    let mut telemprobd = clock.start(&sandbox, "telemprobd");
    send(&sandbox, "waits");
    let telempostd = clock.start(&sandbox, "telempostd");
    server.wait_for(1);
    clock.set("+3650d");
    std::thread::sleep(Duration::from_secs(2));
    until_tried_again(&server);
    // And a start of the daemon in those seconds, which looks at the whole spool.
    let mut telempostd = telempostd;
    telempostd.stop();
    let mut telempostd = clock.start(&sandbox, "telempostd");
    until_tried_again(&server);
    telempostd.stop();
    clock.set("+0");
    let telempostd = clock.start(&sandbox, "telempostd");
    until_tried_again(&server);
    assert_eq!(sandbox.waiting().len(), 1);
    telemprobd.stop();
    assert_delivered(&sandbox, &server, &takes, "waits", telempostd);
}

#[test]
fn stored_in_1970_before_the_clock_is_synchronised() {
    let (server, takes) = server();
    let sandbox = Sandbox::with_spool();
    let Some(clock) = WallClock::new(&sandbox) else { return };
    sandbox.configure(&server.url(), "");
    clock.set("@1970-01-01 00:01:00");
    let mut telemprobd = clock.start(&sandbox, "telemprobd");
    send(&sandbox, "waits");
    let telempostd = clock.start(&sandbox, "telempostd");
    until_tried_again(&server);
    let name = sandbox.waiting().remove(0);
    let modified = fs::metadata(sandbox.spool_dir().join(&name)).unwrap().modified().unwrap();
    let since_1970 = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(since_1970 < Duration::from_secs(3600), "it counts as stored when it was seen: {since_1970:?}");
    clock.set("+0");
    until_tried_again(&server);
    let mut telempostd = telempostd;
    telempostd.stop();
    let telempostd = clock.start(&sandbox, "telempostd");
    until_tried_again(&server);
    assert_eq!(sandbox.waiting(), [name]);
    telemprobd.stop();
    assert_delivered(&sandbox, &server, &takes, "waits", telempostd);
}

#[test]
fn what_is_stored_after_a_step_has_the_time_that_passed() {
    let sandbox = Sandbox::with_spool();
    let Some(clock) = WallClock::new(&sandbox) else { return };
    let before = SystemTime::now();
    let mut telemprobd = clock.start(&sandbox, "telemprobd");
    send(&sandbox, "before");
    let machine_id = fs::read_to_string(sandbox.path("state/machine_id")).unwrap();
    for wall in ["+3650d", "@1970-01-01 00:01:00"] {
        clock.set(wall);
        send(&sandbox, wall);
    }
    telemprobd.stop();
    let limit = before + Duration::from_secs(600);
    for name in sandbox.waiting() {
        let modified = fs::metadata(sandbox.spool_dir().join(&name)).unwrap().modified().unwrap();
        assert!(modified + Duration::from_secs(3) > before && modified < limit, "{name}: {modified:?}");
    }
    assert_eq!(sandbox.spooled().len(), 3);
    // A start ten years ahead makes no other machine id, either.
    clock.set("+3650d");
    let mut telemprobd = clock.start(&sandbox, "telemprobd");
    send(&sandbox, "again");
    telemprobd.stop();
    assert_eq!(fs::read_to_string(sandbox.path("state/machine_id")).unwrap(), machine_id);
}

/// The note that a boot before this one would have left, so long ago by its wall clock.
fn note_of_another_boot(sandbox: &Sandbox, wall_age: Duration, synchronised: bool) {
    let path = sandbox.spool_dir().join(".clock");
    let mut note: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let then = u64::try_from((now - wall_age).as_nanos()).unwrap();
    note["boot_id"] = "00000000000000000000000000000001".into();
    note["note"] = serde_json::json!({ "u": then, "wall": then, "synchronised": synchronised });
    note["begin"] = serde_json::json!({ "u": then, "synchronised": synchronised });
    fs::write(path, note.to_string()).unwrap();
}

/// Whether a record that a machine kept while it was off for two days is removed, once its server fails.
fn is_removed_after_two_days_off(was_synchronised: bool) -> bool {
    const TWO_DAYS: Duration = Duration::from_secs(2 * 86_400);
    let (server, _) = server();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let mut telempostd = sandbox.start_telempostd();
    until("a note", || fs::metadata(sandbox.spool_dir().join(".clock")).ok());
    telempostd.stop();
    note_of_another_boot(&sandbox, TWO_DAYS, was_synchronised);
    let name = sandbox.store("waits");
    sandbox.age(&name, TWO_DAYS + Duration::from_secs(60));
    let mut telempostd = sandbox.start_telempostd();
    until("four tries, or that it is gone", || {
        (server.requests().len() >= 4 || sandbox.waiting().is_empty()).then_some(())
    });
    telempostd.stop();
    sandbox.waiting().is_empty()
}

#[test]
fn time_off_counts_where_the_clock_was_right_before_and_is_now() {
    assert!(is_removed_after_two_days_off(true));
}

#[test]
fn time_off_of_a_machine_without_a_clock_counts_nothing() {
    assert!(!is_removed_after_two_days_off(false));
}
