//! After opt-out servers are asked to forget the machine: only those that were sent something, with proof, until they have.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::process::Output;
use test_harness::server::{Reply, Request, Server};
use test_harness::{Process, Sandbox, frame, until};

struct Machine {
    sandbox: Sandbox,
    daemons: Vec<Process>,
}

impl Machine {
    fn new(server: &str) -> Self {
        Self::with_copies(server, "")
    }

    fn with_copies(server: &str, copies: &str) -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.set("server", server).set("server_copy", copies);
        let daemons = vec![sandbox.start_telemprobd(), sandbox.start("telempostd")];
        Self { sandbox, daemons }
    }

    fn telemctl(&self, arguments: &[&str]) -> Output {
        let config = self.sandbox.config_arg();
        self.sandbox.command("telemctl", &[&["--config", &config], arguments].concat()).output().unwrap()
    }

    /// What `telemctl` prints, of a command that succeeds.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.telemctl(arguments);
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out
    }

    /// Sends a record for the system's server, and waits until it has left.
    fn send(&self) {
        let answer = frame::send(&self.sandbox.socket_path(), &frame::good("org.example/test/forget", "x\n"));
        assert_eq!(answer, Some(0));
        self.sandbox.wait_until_empty();
    }

    /// The same, for the server of the sender's own configuration.
    fn send_for(&self, server: &str) {
        let config = self.sandbox.configure_record("own.conf", server, "");
        let message = frame::message(
            None,
            config.to_str(),
            None,
            &frame::header_lines("org.example/test/forget"),
            b"x\n",
        );
        assert_eq!(frame::send(&self.sandbox.socket_path(), &message), Some(0));
        self.sandbox.wait_until_empty();
    }

    fn opt_in_again(&mut self) {
        for daemon in &mut self.daemons {
            daemon.wait();
        }
        self.said(&["opt-in"]);
        self.daemons = vec![self.sandbox.start_telemprobd(), self.sandbox.start("telempostd")];
    }

    fn state(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.sandbox.path("state")) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn is_forget(request: &Request) -> bool {
    request.line.starts_with("POST /v3/forget ")
}

fn forgets(server: &Server) -> Vec<Request> {
    server.requests().into_iter().filter(is_forget).collect()
}

/// A collector that takes records, and answers requests to forget so.
fn collector(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |_, request| match is_forget(request) {
        true => answer(asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
        false => Reply::Status(201),
    })
}

/// The ids that the preimages of a request prove.
fn proven(request: &Request) -> Vec<String> {
    let body: Value = serde_json::from_str(&request.text()).unwrap();
    let id = |preimage: &Value| {
        let digits = preimage.as_str().unwrap();
        let bytes: Vec<u8> =
            (0..64).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
        Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    body["preimages"].as_array().unwrap().iter().map(id).collect()
}

const DONE: Reply = Reply::Full(200, "Content-Type: application/json", r#"{"forgotten": 1}"#);

#[test]
fn opt_out_has_the_server_forget_what_it_was_sent_and_leaves_nothing() {
    let server = collector(|asked| match asked {
        0 => Reply::Full(202, "Content-Type: application/json", r#"{"forgotten": 0, "left": 1}"#),
        _ => DONE,
    });
    let machine = Machine::new(&format!("{}v2/collector", server.url()));
    machine.send();
    let id = fs::read_to_string(machine.sandbox.path("state/machine_id")).unwrap();
    let sent = fs::read_to_string(machine.sandbox.path("state/forget/sent.json")).unwrap();
    assert!(sent.contains(&id), "{sent}");
    let said = machine.said(&["opt-out"]);
    assert!(said.contains("has forgotten this machine (1 records)."), "{said}");
    let asked = forgets(&server);
    assert_eq!(asked.len(), 2, "it was asked again");
    assert_eq!(proven(&asked[0]), [id]);
    assert!(asked[0].header("X-Telemetry-TID").is_some());
    assert_eq!(asked[0].header("Content-Type"), Some("application/json"));
    assert!(!machine.sandbox.path("state").exists(), "{:?}", machine.state());
    assert_eq!(machine.said(&["opt-out"]), "Already opted out. Nothing to do.\n");
}

#[test]
fn each_server_gets_the_ids_that_it_was_sent_and_those_of_senders_too() {
    let (own, senders, unused) = (collector(|_| DONE), collector(|_| DONE), collector(|_| DONE));
    let mut machine = Machine::new(&format!("{} {}", own.url(), unused.url()));
    machine.send();
    machine.send_for(&senders.url());
    let sent: Value =
        serde_json::from_str(&fs::read_to_string(machine.sandbox.path("state/forget/sent.json")).unwrap())
            .unwrap();
    let foreign: Vec<_> =
        sent["servers"].as_array().unwrap().iter().map(|server| &server["is_foreign"]).collect();
    assert_eq!(foreign, [&Value::Bool(false), &Value::Bool(true)]);
    machine.said(&["opt-out"]);
    for server in [&own, &senders] {
        assert_eq!(forgets(server).len(), 1);
    }
    assert_eq!((unused.requests().len(), machine.state().len()), (0, 0));
    machine.daemons.clear();
}

#[test]
fn an_old_collector_cannot_and_that_is_said_and_done() {
    for status in [404, 405, 501] {
        let server = collector(move |_| Reply::Status(status));
        let machine = Machine::new(&server.url());
        machine.send();
        let said = machine.said(&["opt-out"]);
        assert!(said.contains(&format!("cannot forget: it answers with status {status}")), "{said}");
        assert_eq!((forgets(&server).len(), machine.state().len()), (1, 0));
    }
}

#[test]
fn a_server_that_is_away_is_asked_later_and_only_the_request_stays_until_then() {
    let server = collector(|_| DONE);
    let address = server.address();
    let machine = Machine::new(&server.url());
    machine.send();
    let id = fs::read_to_string(machine.sandbox.path("state/machine_id")).unwrap();
    drop(server);
    let said = machine.said(&["opt-out"]);
    assert!(said.contains("is still to forget this machine, and is asked again"), "{said}");
    assert!(
        machine.state().iter().all(|name| ["forget", "identity"].contains(&name.as_str())),
        "{:?}",
        machine.state()
    );
    assert!(!machine.sandbox.path("spool").exists());
    let pending = fs::read_to_string(machine.sandbox.path("state/forget/pending.json")).unwrap();
    assert!(pending.contains("last_result") && !machine.sandbox.path("state/forget/sent.json").exists());

    // The timer's program waits for its time; a person does not.
    let server = Server::start_at(address, |_, _| DONE);
    let config = machine.sandbox.config_arg();
    let timer =
        machine.sandbox.command("telempost-forget", &["--config_file", &config, "try", "--wait", "1"]);
    assert!({ timer }.output().unwrap().status.success());
    assert_eq!(forgets(&server).len(), 0);
    let said = machine.said(&["opt-out"]);
    assert!(said.contains("Opted out before") && said.contains("has forgotten this machine"), "{said}");
    assert_eq!(proven(&forgets(&server)[0]), [id]);
    assert_eq!(machine.state().len(), 0);
}

#[test]
fn what_the_timer_got_done_leaves_a_directory_that_a_further_opt_out_removes() {
    let server = collector(|_| DONE);
    let address = server.address();
    let machine = Machine::new(&server.url());
    machine.send();
    drop(server);
    machine.said(&["opt-out"]);
    let _server = Server::start_at(address, |_, _| DONE);
    let config = machine.sandbox.config_arg();
    let mut timer = machine.sandbox.command("telempost-forget", &["--config_file", &config, "try", "--all"]);
    assert!(timer.output().unwrap().status.success());
    assert_eq!(machine.state().len(), 0);
    let state = machine.sandbox.path("state");
    // Who sends requests may not remove it.
    assert!(state.exists());
    let said = machine.said(&["opt-out"]);
    assert!(
        said.contains("Opted out before") && said.contains(&format!("Removed {}.", state.display())),
        "{said}"
    );
    assert!(!state.exists());
    assert_eq!(machine.said(&["opt-out"]), "Already opted out. Nothing to do.\n");
}

#[test]
fn what_was_stopped_after_the_consent_went_goes_on() {
    let server = collector(|_| DONE);
    let mut machine = Machine::new(&server.url());
    machine.send();
    // Killed there.
    fs::remove_file(machine.sandbox.path("etc/opt-in")).unwrap();
    for daemon in &mut machine.daemons {
        daemon.wait();
    }
    assert_eq!(forgets(&server).len(), 0);
    machine.said(&["opt-out"]);
    assert_eq!((forgets(&server).len(), machine.state().len()), (1, 0));
}

#[test]
fn a_new_consent_disturbs_nothing_and_has_another_id() {
    let server = collector(|_| Reply::Status(503));
    let mut machine = Machine::new(&server.url());
    machine.send();
    let id = fs::read_to_string(machine.sandbox.path("state/machine_id")).unwrap();
    machine.said(&["opt-out"]);
    machine.opt_in_again();
    machine.send();
    let second = fs::read_to_string(machine.sandbox.path("state/machine_id")).unwrap();
    assert_ne!(id, second);
    machine.said(&["opt-out"]);
    let mut ids = proven(forgets(&server).last().unwrap());
    ids.sort();
    let mut expected = vec![id, second];
    expected.sort();
    assert_eq!(ids, expected);
}

#[test]
fn records_may_stay_at_the_server_and_commands_may_do_it() {
    let server = collector(|_| DONE);
    let mut machine = Machine::new(&server.url());
    machine.send();
    machine.said(&["opt-out", "--keep-at-server"]);
    assert_eq!((forgets(&server).len(), machine.state().len()), (0, 0));

    machine.opt_in_again();
    machine.send();
    let id = fs::read_to_string(machine.sandbox.path("state/machine_id")).unwrap();
    let said = machine.said(&["opt-out", "--print"]);
    assert_eq!((forgets(&server).len(), machine.state().len()), (0, 0));
    let command = said.lines().find(|line| line.starts_with("curl ")).unwrap();
    let output = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), r#"{"forgotten": 1}"#);
    assert_eq!(proven(&forgets(&server)[0]), [id]);
}

#[test]
fn a_fixed_id_cannot_be_proven_and_opt_out_says_so() {
    let server = collector(|_| DONE);
    let mut sandbox = Sandbox::new();
    sandbox.set("server", server.url());
    fs::write(sandbox.path("etc/opt-in-static-machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let daemons = vec![sandbox.start_telemprobd(), sandbox.start("telempostd")];
    let machine = Machine { sandbox, daemons };
    machine.send();
    let said = machine.said(&["opt-out"]);
    assert!(said.contains("1 machine ids were sent that cannot be proven"), "{said}");
    assert_eq!((forgets(&server).len(), machine.state().len()), (0, 0));
}

#[test]
fn a_late_record_of_a_forgotten_id_is_dropped_and_the_id_renewed() {
    let gone = r#"{"message": "gone", "code": "forgotten"}"#;
    let server = Server::start(move |number, _| match number {
        0 => Reply::Full(410, "Content-Type: application/json", gone),
        1 => Reply::Full(410, "Content-Type: application/json", r#"{"code": "other"}"#),
        _ => Reply::Status(201),
    });
    let machine = Machine::new(&server.url());
    machine.send();
    let forgotten = server.requests()[0].header("Machine-Id").unwrap().to_owned();
    until("another id", || {
        let id = fs::read_to_string(machine.sandbox.path("state/machine_id")).ok()?;
        Some(()).filter(|()| id != forgotten)
    });
    machine.send();
    let renewed = server.requests()[1].header("Machine-Id").unwrap().to_owned();
    assert_ne!(forgotten, renewed);
    machine.send();
    // Counters are written once a second. Any other 410 is a refusal.
    until("one dropped and one rejected", || {
        let status: Value = serde_json::from_str(&machine.said(&["status", "--json"])).unwrap();
        let counted = |counter: &str| status["counters"][counter]["total"].as_u64();
        let dropped = status["counters"]["dropped"]["by_reason"]["forgotten"].as_u64();
        Some(()).filter(|()| (dropped, counted("rejected")) == (Some(1), Some(1)))
    });
    assert_eq!(server.requests()[2].header("Machine-Id"), Some(renewed.as_str()));
}

#[test]
fn copies_are_asked_too_for_what_they_were_sent_and_nothing_of_what_waits_for_them_is_left() {
    let list = collector(|_| DONE);
    let copy = collector(|_| DONE);
    // It takes no record, and may have what it was sent all the same.
    let failing = Server::start(|_, request| if is_forget(request) { DONE } else { Reply::Status(503) });
    let url = |server: &Server| format!("{}v3/collector", server.url());
    let machine = Machine::with_copies(&url(&list), &[url(&copy), url(&failing)].join(" "));
    machine.send();
    until("the copies", || (copy.requests().len() == 1 && !failing.requests().is_empty()).then_some(()));
    let folder = telemetry_store::spool::copies::folder_name(&url(&failing));
    assert!(machine.sandbox.spool_dir().join(".copy").join(folder).is_dir());
    let id = fs::read_to_string(machine.sandbox.path("state/machine_id")).unwrap();
    machine.said(&["opt-out"]);
    for server in [&list, &copy, &failing] {
        let asked = forgets(server);
        assert_eq!(asked.iter().map(proven).collect::<Vec<_>>(), [[id.clone()]]);
    }
    assert!(!machine.sandbox.spool_dir().exists());
    assert_eq!(machine.state(), [""; 0]);
}
