//! How telempostd starts, is configured anew, and ends.

// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::Command;
use test_harness::server::{Gate, Reply, Server, nobody};
use test_harness::{Process, Sandbox, until};

#[test]
fn sighup_takes_over_a_valid_configuration_and_no_other() {
    let (first, second) = (Server::accepting(), Server::accepting());
    let sandbox = Sandbox::with_spool();
    let config = sandbox.configure(&first.url(), "");
    let mut daemon = sandbox.start_telempostd();
    sandbox.store("1");
    first.wait_for(1);
    sandbox.wait_until_empty();

    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("http://", "ftp://")).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("the configuration that was in force stays");
    sandbox.store("2");
    first.wait_for(2);
    sandbox.wait_until_empty();

    sandbox.configure(&second.url(), "");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("the configuration was read again");
    sandbox.store("3");
    assert_eq!(second.wait_for(1)[0].text(), "3");
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(first.requests().len(), 2);
}

#[test]
fn sighup_gives_records_that_wait_a_new_chance() {
    let second = Server::accepting();
    let first = Server::start(|_, _| Reply::Full(503, "Retry-After: 5000", ""));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&first.url(), "");
    sandbox.store("waits");
    let mut daemon = sandbox.start_telempostd();
    daemon.wait_for_log("records wait in the spool");
    sandbox.configure(&second.url(), "");
    daemon.signal(Signal::SIGHUP);
    assert_eq!(second.wait_for(1)[0].text(), "waits");
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn withdrawn_consent_ends_it_with_what_is_in_flight() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    for n in 0..50 {
        sandbox.store(&n.to_string());
    }
    let daemon = sandbox.start_telempostd();
    server.wait_for(1);
    let upload = daemon.children();
    assert_eq!(upload.len(), 1);
    fs::remove_file(sandbox.path("etc/opt-in")).unwrap();
    let (status, log) = daemon.wait_with_log();
    assert!(status.success() && log.contains("no longer opted in"), "{log}");
    until("the end of the upload process", || kill(Pid::from_raw(upload[0]), None).err());
    gate.open();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(sandbox.waiting().len(), 50);
}

#[test]
fn a_clean_stop_waits_for_what_is_in_flight() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("in flight");
    let daemon = sandbox.start_telempostd();
    server.wait_for(1);
    daemon.signal(Signal::SIGTERM);
    // A service manager sends the upload process a signal too.
    kill(Pid::from_raw(daemon.children()[0]), Signal::SIGTERM).unwrap();
    gate.open();
    let (status, log) = daemon.wait_with_log();
    assert!(status.success(), "{log}");
    assert_eq!((sandbox.waiting().len(), sandbox.delivery_log().len()), (0, 1));
}

#[test]
fn a_clean_stop_does_not_wait_for_ever() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("in flight");
    let mut daemon = sandbox.start_telempostd();
    server.wait_for(1);
    daemon.stop();
    assert_eq!(sandbox.waiting().len(), 1);
    gate.open();
}

#[test]
fn it_ends_when_there_is_nothing_to_do() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "recycling_idle_time=1");
    sandbox.store("last");
    let (status, log) = sandbox.run_telempostd();
    assert!(status.success() && log.contains("nothing to do"), "{log}");
    assert_eq!((server.requests().len(), sandbox.waiting().len()), (1, 0));
    let status = sandbox.status();
    assert!(status.last_delivered_unix_secs.is_some());
    assert_eq!((status.last_error, status.next_try_unix_secs), (None, None));
}

#[test]
fn it_does_not_end_when_idle_while_records_wait() {
    let address = nobody();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://{address}/"), "recycling_idle_time=1");
    sandbox.store("waits");
    let daemon = sandbox.start_telempostd();
    daemon.wait_for_log("records wait in the spool");
    // Tries go on past the idle time: the third failure and later ones wait for up to 4 seconds and more.
    let first = until("a fault", || sandbox.status().last_error);
    until("tries past the idle time", || {
        let last = sandbox.status().last_error?;
        (last.unix_secs > first.unix_secs + 2).then_some(())
    });
    let server = Server::start_at(address, |_, _| Reply::Status(201));
    let (status, log) = daemon.wait_with_log();
    assert!(status.success() && log.contains("takes records again"), "{log}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_upload_process_is_replaced_when_it_is_killed() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let ids: Vec<_> = (0..50).map(|n| sandbox.store(&n.to_string())).collect();
    let mut daemon = sandbox.start_telempostd();
    server.wait_for(1);
    for pid in daemon.children() {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    daemon.wait_for_log("telempost-upload ended by itself");
    gate.open();
    sandbox.wait_until_empty();
    daemon.stop();
    let mut keys: Vec<_> = server.requests().iter().map(|request| request.key()).collect();
    assert_eq!(keys.len(), 51, "only what was in flight is sent again");
    keys.sort();
    keys.dedup();
    let mut ids = ids;
    ids.sort();
    assert_eq!(keys, ids);
}

#[test]
fn the_upload_process_ends_with_the_daemon() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("1");
    let daemon = sandbox.start_telempostd();
    server.wait_for(1);
    let upload = daemon.children();
    drop(daemon);
    until("the end of the upload process", || kill(Pid::from_raw(upload[0]), None).err());
    gate.open();
}

#[test]
fn only_the_upload_process_is_linked_with_libcurl() {
    let libraries = |program| {
        let output = Command::new("readelf").arg("-d").arg(program).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| line.contains("NEEDED")).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    let telempostd = libraries(env!("CARGO_BIN_EXE_telempostd"));
    assert!(telempostd.contains("libc.so"), "{telempostd}");
    assert!(!telempostd.contains("curl") && !telempostd.contains("ssl"), "{telempostd}");
    let upload_program = upload_program();
    assert!(libraries(upload_program.to_str().unwrap()).contains("libcurl"));
    assert!(!libraries(env!("CARGO_BIN_EXE_telempostd")).contains("libzstd"));
}

/// The program beside telempostd, of a package of its own: `make build-debug` makes it.
fn upload_program() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_BIN_EXE_telempostd")).with_file_name("telempost-upload")
}

/// Runs it to its end, which is an error of one line.
fn start_error(config: &std::path::Path) -> String {
    let (status, log) =
        Process::start(config.parent().unwrap(), "telempostd", &["-f", config.to_str().unwrap()])
            .wait_with_log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    log
}

#[test]
fn why_it_cannot_run_is_one_line_in_the_log() {
    let sandbox = Sandbox::with_spool();
    let url = "http://localhost/";
    let config = sandbox.configure(url, "record_expiry=soon");
    assert!(
        start_error(&config).contains("telemetrics.conf:3: record_expiry=soon: must be 1 to 5256000 minutes")
    );
    let config = sandbox.configure("", "");
    let log = start_error(&config);
    assert!(log.contains("telemetrics.conf: server is not set") && log.contains("set server=URL"), "{log}");
    assert!(start_error(&sandbox.path("none.conf")).contains("none.conf: No such file"));

    let config = sandbox.configure(url, "");
    fs::remove_dir(sandbox.path("spool")).unwrap();
    fs::write(sandbox.path("spool"), "").unwrap();
    let log = start_error(&config);
    assert!(log.contains(&format!("spool_dir={}: ", sandbox.path("spool").display())), "{log}");
    assert!(log.contains("it must be writable"), "{log}");

    fs::remove_file(sandbox.path("etc/opt-in")).unwrap();
    let log = start_error(&config);
    assert!(log.contains("etc/opt-in is not there") && log.contains("telemctl opt-in"), "{log}");
}

#[test]
fn it_refuses_to_run_twice() {
    let sandbox = Sandbox::with_spool();
    let config = sandbox.configure("http://localhost/", "");
    let mut daemon = sandbox.start_telempostd();
    until("the lock", || sandbox.path("run/telempostd.lock").exists().then_some(()));
    let running = || telemetry_runtime::instance::running_pid(&sandbox.path("run"), "telempostd").unwrap();
    let pid = until("the pid", running);
    assert_eq!(pid, daemon.pid());
    assert!(start_error(&config).contains(&format!("(pid {pid})")));
    daemon.stop();
}

#[test]
fn without_the_upload_program_it_does_not_start() {
    let sandbox = Sandbox::with_spool();
    let config = sandbox.configure("http://localhost/", "");
    let alone = sandbox.path("telempostd");
    fs::copy(env!("CARGO_BIN_EXE_telempostd"), &alone).unwrap();
    let output = Command::new(alone).arg("-f").arg(config).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), log.lines().count()), (Some(1), 1));
    let beside =
        format!("telempost-upload is neither at {} nor at /", sandbox.path("telempost-upload").display());
    assert!(log.contains(&beside), "{log}");
}

#[test]
fn version_and_help_are_printed_and_the_upload_program_is_not_run_by_hand() {
    for (flag, text) in [("-V", env!("CARGO_PKG_VERSION")), ("-h", "--config_file"), ("--help", "SIGHUP")] {
        let output = Command::new(env!("CARGO_BIN_EXE_telempostd")).arg(flag).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().contains(text));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_telempostd")).arg("--no-such").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let output = Command::new(upload_program()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("telempostd starts this program"));
}
