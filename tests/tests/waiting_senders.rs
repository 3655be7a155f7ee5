//! Whoever sends to systemd's socket while telemprobd starts waits for it, and gets the right answer: stored, if it starts,
//! however slowly; an error, if it cannot.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use telemetry::{Client, Record};
use test_harness::{Process, Sandbox, frame, programs, until};

/// How long a start takes in these tests: more than the second that the first versions of the library waited.
const SLOW_SECS: &str = "2";

/// systemd's part: it listens, and starts the daemon when somebody connects.
struct Activation {
    sandbox: Sandbox,
    activate: Process,
}

impl Activation {
    /// A telemprobd with these arguments that needs `secs` before anything of it runs.
    fn new(sandbox: Sandbox, secs: &str, arguments: &str) -> Self {
        let mut command = Command::new("systemd-socket-activate");
        let start = format!("sleep {secs}; exec {} {arguments}", programs::path("telemprobd").display());
        command.arg("-l").arg(sandbox.socket_path()).args(["/bin/sh", "-c", &start]);
        let activate = Process::spawn(&sandbox.path(""), "activate", &mut command);
        let socket = sandbox.socket_path();
        // `__SO_ACCEPTCON` among its flags: its file is there a moment before it listens.
        let is_this = |line: &str| line.contains(" 00010000 ") && line.ends_with(socket.to_str().unwrap());
        until("the socket", || {
            fs::read_to_string("/proc/net/unix").unwrap().lines().any(is_this).then_some(())
        });
        Self { sandbox, activate }
    }

    /// Sends as many records at once, as programs do. The sender's configuration is right, whatever the daemon's is.
    fn send(&self, count: usize) -> Vec<Result<(), telemetry::Error>> {
        let config = self.sandbox.config();
        let send = move |n: usize| {
            let client = Client::with_config_file(&config).unwrap();
            let mut record = Record::new(1, "org.example/waiting/sender", 1).unwrap();
            record.set_payload(&n.to_string()).unwrap();
            client.send(&record)
        };
        let senders: Vec<_> = (0..count)
            .map(|n| {
                let send = send.clone();
                thread::spawn(move || send(n))
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    }
}

fn config_of(sandbox: &Sandbox) -> String {
    format!("-f {}", sandbox.config_arg())
}

#[test]
fn a_telemprobd_that_needs_over_a_second_to_start_is_waited_for() {
    let sandbox = Sandbox::new();
    let arguments = config_of(&sandbox);
    let mut activation = Activation::new(sandbox, SLOW_SECS, &arguments);
    for answer in activation.send(5) {
        answer.unwrap();
    }
    activation.activate.stop();
    let mut stored: Vec<_> =
        activation.sandbox.spooled().into_iter().map(|record| record.message.payload).collect();
    stored.sort();
    assert_eq!(stored, ["0", "1", "2", "3", "4"]);
}

#[test]
fn one_that_needs_longer_than_senders_wait_may_have_stored_what_they_sent() {
    let sandbox = Sandbox::new();
    let arguments = config_of(&sandbox);
    let mut activation = Activation::new(sandbox, "6", &arguments);
    let answer = activation.send(1).remove(0);
    assert!(matches!(answer, Err(telemetry::Error::NoAnswer { .. })), "{answer:?}");
    until("the record in the spool", || (activation.sandbox.spooled().len() == 1).then_some(()));
    activation.activate.stop();
}

/// A fault of the daemon alone: what it is started with.
type Fault = fn(&Sandbox) -> String;

fn another_configuration(sandbox: &Sandbox, key: &str, value: &str) -> String {
    let text = fs::read_to_string(sandbox.config()).unwrap();
    let kept = text.lines().filter(|line| !line.starts_with(&format!("{key}=")));
    let lines = kept.map(|line| format!("{line}\n")).collect::<String>();
    let path: PathBuf = sandbox.write("daemon.conf", &format!("{lines}{key}={value}\n"));
    format!("-f {}", path.display())
}

#[test]
fn those_who_wait_for_one_that_cannot_start_are_refused() {
    let faults: [(&str, Fault); 7] = [
        ("a configuration that is not there", |_| "-f /nonexistent/telemetrics.conf".to_owned()),
        ("a wrong value", |sandbox| another_configuration(sandbox, "spool_sync", "perhaps")),
        ("a wrong command line", |_| "--no-such-option".to_owned()),
        ("a spool that is a file", |sandbox| {
            fs::write(sandbox.path("file"), "").unwrap();
            another_configuration(sandbox, "spool_dir", &sandbox.path("file").display().to_string())
        }),
        ("a state that is a file", |sandbox| {
            fs::write(sandbox.path("file"), "").unwrap();
            another_configuration(sandbox, "state_dir", &sandbox.path("file").display().to_string())
        }),
        ("a run_dir that is a file", |sandbox| {
            fs::write(sandbox.path("file"), "").unwrap();
            another_configuration(sandbox, "run_dir", &sandbox.path("file").display().to_string())
        }),
        ("no consent", |sandbox| {
            fs::create_dir(sandbox.path("other")).unwrap();
            another_configuration(sandbox, "etc_dir", &sandbox.path("other").display().to_string())
        }),
    ];
    for (what, fault) in faults {
        let sandbox = Sandbox::new();
        let arguments = fault(&sandbox);
        let mut activation = Activation::new(sandbox, "1.5", &arguments);
        let answers = activation.send(3);
        for answer in answers {
            // An end of the connection without an answer would be that of an old daemon: stored.
            assert!(matches!(answer, Err(telemetry::Error::Refused(_))), "{what}: {answer:?}");
        }
        assert_eq!(activation.activate.wait().code(), Some(1), "{what}");
        assert!(activation.sandbox.spooled().is_empty(), "{what}");
    }
}

#[test]
fn a_second_telemprobd_of_the_same_places_refuses_those_who_wait_for_it_alone() {
    let sandbox = Sandbox::new();
    let mut first = sandbox.start_telemprobd();
    let other = Sandbox::new();
    let arguments = config_of(&sandbox);
    let mut activation = Activation::new(other, "0", &arguments);
    let answer = frame::send(&activation.sandbox.socket_path(), &frame::good("a/b/c", "x"));
    assert_eq!(answer, Some(-5));
    assert_eq!(activation.activate.wait().code(), Some(1));
    assert_eq!(frame::send(&sandbox.socket_path(), &frame::good("a/b/c", "x")), Some(0));
    first.stop();
}
