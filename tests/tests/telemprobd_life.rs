//! telemprobd from start to end: consent, machine id, signals, systemd's socket and readiness, idle exit.

use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};
use telemetry::{Client, Record};
use telemetry_record::header::Header;
use test_harness::{Process, Sandbox, frame, programs, until};

fn payloads(sandbox: &Sandbox) -> Vec<String> {
    sandbox.spooled().into_iter().map(|record| record.message.payload).collect()
}

#[test]
fn it_refuses_to_run_without_consent() {
    let sandbox = Sandbox::new();
    sandbox.opt_out();
    let mut daemon = sandbox.start("telemprobd");
    assert_eq!(daemon.wait().code(), Some(1));
    assert_eq!(daemon.log().lines().count(), 1, "{}", daemon.log());
    assert!(daemon.log().contains("telemctl opt-in"), "{}", daemon.log());
    assert!(!sandbox.path("spool").exists() && !sandbox.socket_path().exists(), "nothing half done");
}

/// Sends a record as a program does, while `daemon` does something.
fn send_while(sandbox: &Sandbox, daemon: impl FnOnce()) -> Result<(), telemetry::Error> {
    let config = sandbox.path("telemetrics.conf");
    let client = Client::with_config_file(&config).unwrap();
    let sender = thread::spawn(move || client.send(&Record::new(1, "org.example/life/sent", 1).unwrap()));
    daemon();
    sender.join().unwrap()
}

/// Takes a record as a daemon of the C implementation does; what it does then, `end` says.
fn take_record(listener: &UnixListener, end: impl FnOnce(&mut UnixStream)) {
    let (mut client, _) = listener.accept().unwrap();
    assert!(client.read(&mut [0; 16 * 1024]).unwrap() > 0);
    end(&mut client);
}

#[test]
fn a_record_that_died_with_it_is_an_error_and_one_of_an_old_daemon_is_not() {
    let sandbox = Sandbox::new();
    let note = sandbox.path("run/telemprobd.answers");
    let mut daemon = sandbox.start_telemprobd();
    daemon.signal(Signal::SIGSTOP);
    let lost = send_while(&sandbox, || {
        // It has the record, or will never have it.
        thread::sleep(Duration::from_millis(200));
        daemon.signal(Signal::SIGKILL);
    });
    daemon.wait();
    lost.unwrap_err();
    assert!(note.exists() && sandbox.path("run/telemprobd.pid").exists());

    // An old daemon binds the socket anew, and knows nothing of what is in run_dir.
    std::fs::remove_file(sandbox.socket_path()).unwrap();
    let old = UnixListener::bind(sandbox.socket_path()).unwrap();
    send_while(&sandbox, || take_record(&old, |_| {})).unwrap();
    drop(old);

    std::fs::remove_file(sandbox.socket_path()).unwrap();
    let mut daemon = sandbox.start_telemprobd();
    send_while(&sandbox, || {}).unwrap();
    daemon.stop();
    assert!(!note.exists(), "a clean end leaves nothing to answer");
}

#[test]
fn whoever_can_connect_is_known_to_be_answered() {
    let sandbox = Sandbox::new();
    let mut command = Command::new("strace");
    // Whatever it does once it listens comes a second later.
    command.args(["-D", "-o", "/dev/null", "-e", "trace=listen", "-e", "inject=listen:delay_exit=1000000"]);
    command.arg(programs::path("telemprobd")).args(["-f", &sandbox.config_arg()]);
    let mut daemon = Process::spawn(&sandbox.path(""), "telemprobd", &mut command);
    until("telemprobd listens", || UnixStream::connect(sandbox.socket_path()).ok());
    assert!(sandbox.path("run/telemprobd.answers").exists());
    daemon.stop();
}

#[test]
fn a_daemon_that_needs_over_a_second_is_waited_for() {
    let sandbox = Sandbox::new();
    let slow = UnixListener::bind(sandbox.socket_path()).unwrap();
    let answer = |client: &mut UnixStream| {
        thread::sleep(Duration::from_millis(1500));
        client.write_all(&[0; 4]).unwrap();
    };
    send_while(&sandbox, || take_record(&slow, answer)).unwrap();
}

#[test]
fn it_stops_collecting_when_consent_is_withdrawn() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let mut waiting = UnixStream::connect(sandbox.socket_path()).unwrap();
    sandbox.opt_out();
    assert!(daemon.wait().success(), "{}", daemon.log());
    assert!(!sandbox.socket_path().exists());
    let _ = waiting.write_all(&frame::good("org.example/life/late", "late"));
    let mut answer = Vec::new();
    let _ = waiting.read_to_end(&mut answer);
    assert_ne!(answer, [0; 4], "nothing is taken after that");
    assert_eq!(payloads(&sandbox), [""; 0]);
}

#[test]
fn what_was_received_is_stored_before_it_stops() {
    let sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    // Stopped by the kernel, so that clients queue up; the signal to end comes first of all when it goes on.
    daemon.signal(Signal::SIGSTOP);
    let mut clients: Vec<_> = (0..20)
        .map(|n| {
            let mut client = UnixStream::connect(sandbox.socket_path()).unwrap();
            client.write_all(&frame::good("org.example/life/stop", &n.to_string())).unwrap();
            client
        })
        .collect();
    daemon.signal(Signal::SIGTERM);
    daemon.signal(Signal::SIGCONT);
    assert!(daemon.wait().success());
    for client in &mut clients {
        let mut answer = [1; 4];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0; 4]);
    }
    assert_eq!(payloads(&sandbox).len(), 20);
    assert!(!sandbox.socket_path().exists());
}

#[test]
fn a_killed_daemon_leaves_nothing_in_the_way_of_the_next() {
    let sandbox = Sandbox::new();
    drop(sandbox.start_telemprobd());
    assert!(sandbox.socket_path().exists());
    fs::write(sandbox.path("spool/.new-half"), "half a record").unwrap();
    let mut daemon = sandbox.start_telemprobd();
    assert!(!sandbox.path("spool/.new-half").exists());
    daemon.stop();
}

#[test]
fn the_machine_id_is_kept_renewed_and_overridden() {
    let sandbox = Sandbox::new();
    let machine_id = || {
        let mut daemon = sandbox.start_telemprobd();
        assert_eq!(frame::send(&sandbox.socket_path(), &frame::good("a/b/c", "x")), Some(0));
        daemon.stop();
        let record = sandbox.spooled().remove(0);
        fs::remove_dir_all(sandbox.path("spool")).unwrap();
        record.message.headers.value(Header::MachineId).to_owned()
    };
    let first = machine_id();
    assert_eq!(first.len(), 32);
    assert_eq!(fs::read_to_string(sandbox.path("state/machine_id")).unwrap(), first);
    assert_eq!(machine_id(), first);
    let file = File::options().write(true).open(sandbox.path("state/machine_id")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3 * 86_400 + 60)).unwrap();
    let second = machine_id();
    assert_ne!(second, first);
    sandbox.write("etc/opt-in-static-machine-id", "my-laptop\nanything\n");
    assert_eq!(machine_id(), "my-laptop");
    fs::remove_file(sandbox.path("etc/opt-in-static-machine-id")).unwrap();
    assert_eq!(machine_id(), second);
}

#[test]
fn sighup_takes_a_new_configuration_or_keeps_the_old_one() {
    let mut sandbox = Sandbox::new();
    let mut daemon = sandbox.start_telemprobd();
    let old_socket = sandbox.socket_path();
    let old_spool = sandbox.path("spool");
    assert_eq!(frame::send(&old_socket, &frame::good("a/b/c", "before")), Some(0));

    sandbox.set("spool_sync", "perhaps");
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("spool_sync=perhaps: must be true, false, 1 or 0");
    assert_eq!(frame::send(&old_socket, &frame::good("a/b/c", "still")), Some(0));
    assert_eq!(payloads(&sandbox).len(), 2);

    let (new_socket, new_spool) = (sandbox.path("telem-1"), sandbox.path("other"));
    sandbox
        .set("spool_sync", "false")
        .set("socket_path", new_socket.display())
        .set("spool_dir", new_spool.display());
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("configuration reloaded");
    assert!(!old_socket.exists());
    assert_eq!(frame::send(&new_socket, &frame::good("a/b/c", "after")), Some(0));
    assert_eq!(payloads(&sandbox), ["after"]);
    let old_names = test_harness::directory::names(&old_spool);
    assert_eq!(old_names.iter().filter(|name| !name.starts_with('.')).count(), 2);
    daemon.stop();
}

#[test]
fn it_ends_when_nothing_happens() {
    let mut sandbox = Sandbox::new();
    sandbox.set("recycling_idle_time", 1);
    let mut daemon = sandbox.start_telemprobd();
    assert!(daemon.wait().success(), "{}", daemon.log());
    assert!(daemon.log().contains("idle"), "{}", daemon.log());
    assert!(!sandbox.socket_path().exists());
}

#[test]
fn a_client_that_is_connected_keeps_it_from_ending_idle() {
    let mut sandbox = Sandbox::new();
    sandbox.set("recycling_idle_time", 1);
    let mut daemon = sandbox.start_telemprobd();
    let silent = UnixStream::connect(sandbox.socket_path()).unwrap();
    // The client's own time is ten seconds: ending before it would be an error of the daemon.
    let start = std::time::Instant::now();
    assert!(daemon.wait().success());
    assert!(start.elapsed() > Duration::from_secs(5), "it left a client behind: {}", daemon.log());
    drop(silent);
}

/// Whether a socket of this path takes connections: its file is there a moment before.
fn is_listening(path: &Path) -> bool {
    // With `__SO_ACCEPTCON` among its flags (include/linux/net.h).
    let is_this = |line: &str| line.contains(" 00010000 ") && line.ends_with(path.to_str().unwrap());
    fs::read_to_string("/proc/net/unix").unwrap().lines().any(is_this)
}

#[test]
fn systemd_is_notified_and_its_socket_is_used() {
    let sandbox = Sandbox::new();
    let notified = UnixDatagram::bind(sandbox.path("notify")).unwrap();
    notified.set_read_timeout(Some(test_harness::DEADLINE)).unwrap();
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg("-E")
        .arg(format!("NOTIFY_SOCKET={}", sandbox.path("notify").display()))
        .arg("-l")
        .arg(sandbox.path("systemd.socket"))
        .arg(programs::path("telemprobd"))
        .args(["-f", &sandbox.config_arg()]);
    let mut daemon = Process::spawn(&sandbox.path(""), "activate", &mut command);
    let socket = sandbox.path("systemd.socket");
    until("systemd's socket", || is_listening(&socket).then_some(()));
    // The connection that starts it is served.
    assert_eq!(frame::send(&socket, &frame::good("a/b/c", "activated")), Some(0));
    assert_eq!(payloads(&sandbox), ["activated"]);
    assert!(!sandbox.socket_path().exists(), "no socket of its own");

    let next = || {
        let mut buffer = [0; 200];
        let length = notified.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(next(), "READY=1\n");
    daemon.signal(Signal::SIGHUP);
    assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(next(), "READY=1\n");
    assert_eq!(frame::send(&socket, &frame::good("a/b/c", "after a reload")), Some(0));
    assert!(!sandbox.socket_path().exists(), "nor after a reload");
    daemon.stop();
    assert_eq!(next(), "STOPPING=1\n");
    assert!(socket.exists(), "systemd keeps its socket");
}
