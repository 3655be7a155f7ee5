//! Records with a configuration of their own (`CFG:`), which any user may have written: what he names, sends or replaces
//! delays nobody else's records.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use test_harness::nginx::{Manner, Nginx};
use test_harness::records::{record, record_for};
use test_harness::sandbox::sender;
use test_harness::server::{Gate, Reply, Request, Server};
use test_harness::{Process, Sandbox, until};

/// Another user of this machine.
const STRANGER: u32 = 1001;

/// Whether files can be given to another user here.
fn can_be_others() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("not run: only root can act for a second user");
    }
    is_root
}

#[test]
fn a_configuration_counts_only_if_it_is_roots_or_the_senders() {
    if !can_be_others() {
        return;
    }
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let config = sandbox.configure_record("own.conf", &server.url(), "");
    let of_root = sandbox.configure_record("root.conf", &server.url(), "");
    chown(&config, Some(STRANGER), None).unwrap();
    for (sender, config) in [(0, &config), (1000, &config), (STRANGER, &config), (1000, &of_root)] {
        sandbox.store_from(sender, &record_for(config, &format!("of {sender}")));
    }
    sandbox.store_as_c("aB3xY9", &record_for(&config, "of nobody known"));
    sandbox.store_as_c("aB3xY8", &record_for(&of_root, "of C"));
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let mut arrived: Vec<_> = server.requests().iter().map(|request| request.text()).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, ["of 1000", "of 1001", "of C"]);
    let answers = sandbox.names("spool/.rejected").into_iter().filter(|name| name.ends_with(".answer"));
    let mut reasons: Vec<_> = answers
        .map(|name| fs::read_to_string(sandbox.path("spool/.rejected").join(name)).unwrap())
        .map(|text| text.split_once("own.conf: ").unwrap().1.lines().collect::<Vec<_>>().join("; "))
        .collect();
    reasons.sort_unstable();
    let whose = "it belongs to user 1001, ";
    assert_eq!(
        reasons,
        [
            format!("{whose}and without a known sender only root's counts"),
            format!("{whose}neither to root nor to the sender, user 0; sender: 0"),
            format!("{whose}neither to root nor to the sender, user 1000; sender: 1000"),
        ]
    );
}

/// The process of the daemon that posts to servers which records name.
fn foreign_upload(daemon: &Process) -> Option<i32> {
    daemon.children().into_iter().find(|pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with(b"\0--foreign\0"))
    })
}

/// Why a record is in the folder of rejected ones.
fn reason(sandbox: &Sandbox, answer: &str) -> String {
    let text = fs::read_to_string(sandbox.path("spool/.rejected").join(answer)).unwrap();
    text.split_once("reason: ").unwrap().1.lines().next().unwrap().to_owned()
}

fn reasons(sandbox: &Sandbox) -> Vec<String> {
    let names = sandbox.names("spool/.rejected");
    names.iter().filter(|name| name.ends_with(".answer")).map(|name| reason(sandbox, name)).collect()
}

#[test]
fn a_header_that_frames_requests_takes_nobodys_records() {
    for header in
        ["Content-Length:\\s0", "Content-Length:\\s100000", "Transfer-Encoding:\\schunked", "Host:\\sx"]
    {
        let server = Server::accepting();
        let sandbox = Sandbox::with_spool();
        sandbox.configure(&server.url(), "");
        let config = sandbox.configure_record("own.conf", &server.url(), &format!("tidheader={header}"));
        let mut ids = BTreeSet::new();
        for n in 0..20 {
            let payload = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n{n}");
            sandbox.store_from(sender(), &record_for(&config, &payload));
            ids.insert(sandbox.store_from(0, &record(&n.to_string())));
        }
        let mut daemon = sandbox.start_telempostd();
        sandbox.wait_until_empty();
        daemon.stop();
        let arrived: Vec<_> = server.requests().iter().map(Request::key).collect();
        assert_eq!((arrived.len(), arrived.into_iter().collect()), (20, ids.clone()));
        let logged = sandbox.delivery_log();
        assert_eq!(logged.iter().map(|entry| entry.record_id.clone()).collect::<BTreeSet<_>>(), ids);
        let reasons = reasons(&sandbox);
        assert!(reasons.len() == 20 && reasons.iter().all(|reason| reason.contains("begins with X-")));
    }
}

#[test]
fn servers_that_hang_take_four_requests_of_a_user_and_none_of_the_systems() {
    let gate = Gate::default();
    let held = gate.clone();
    let hanging = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    for n in 0..6 {
        let url = format!("{}{n}", hanging.url());
        let config = sandbox.configure_record(&format!("hang{n}.conf"), &url, "");
        for _ in 0..2 {
            sandbox.store_from(sender(), &record_for(&config, "hangs"));
        }
    }
    let other = sandbox.configure_record("other.conf", &server.url(), "tidheader=X-Other: 1");
    if can_be_others() {
        sandbox.store_from(STRANGER, &record_for(&other, "of another user"));
    }
    let expected = 200 + usize::from(can_be_others());
    for n in 0..200 {
        sandbox.store(&n.to_string());
    }
    let daemon = sandbox.start_telempostd();
    assert_eq!(server.wait_for(expected).len(), expected);
    assert_eq!(hanging.wait_for(4).len(), 4);
    // Without that process the system's one goes on.
    let foreign = foreign_upload(&daemon).unwrap();
    let system = daemon.children().into_iter().find(|pid| *pid != foreign).unwrap();
    kill(Pid::from_raw(foreign), Signal::SIGKILL).unwrap();
    daemon.wait_for_log("telempost-upload ended by itself");
    sandbox.store("after");
    server.wait_for(expected + 1);
    assert!(daemon.children().contains(&system));
    gate.open();
    sandbox.wait_until_empty();
}

#[test]
fn each_request_to_a_server_that_a_record_names_has_its_connection_in_a_small_process() {
    let gate = Gate::default();
    let held = gate.clone();
    let server =
        Server::start(move |n, _| if n < 5 { Reply::Status(201) } else { Reply::Held(held.clone(), 201) });
    let sandbox = Sandbox::with_spool();
    sandbox.configure("http://127.0.0.1:1/", "");
    let config = sandbox.configure_record("own.conf", &server.url(), "");
    for n in 0..9 {
        sandbox.store_from(sender(), &record_for(&config, &n.to_string()));
    }
    let daemon = sandbox.start_telempostd();
    let requests = server.wait_for(9);
    let connections: BTreeSet<_> = requests.iter().map(|request| request.connection).collect();
    assert_eq!(connections.len(), 9);
    let [upload] = daemon.children()[..] else { panic!("{:?}", daemon.children()) };
    assert_eq!(foreign_upload(&daemon), Some(upload));
    let limits = fs::read_to_string(format!("/proc/{upload}/limits")).unwrap();
    let limit = |name| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!([limit("Max data size"), limit("Max open files")], ["67108864", "64"]);
    assert_eq!(fs::read_to_string(format!("/proc/{upload}/oom_score_adj")).unwrap(), "500\n");
    gate.open();
    sandbox.wait_until_empty();
    until("the end of the process without work", || daemon.children().is_empty().then_some(()));
}

#[test]
fn certificates_are_judged_and_read_at_each_use() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let nginx = Nginx::start(&sandbox, &format!("http://{}", server.address()), &Manner::default());
    let cainfo = sandbox.path("ca.pem");
    let lines = format!("cainfo={}", cainfo.display());
    let config = sandbox.configure_record("own.conf", &nginx.url("/"), &lines);
    let authority = fs::read_to_string(nginx.certificates.authority()).unwrap();
    let daemon = sandbox.start_telempostd();
    let sent = |payload: &str| {
        sandbox.store_from(sender(), &record_for(&config, payload));
        sandbox.wait_until_empty();
    };
    // Many certificates, just below the limit.
    let many = authority.repeat(512 * 1024 / authority.len());
    for text in [authority.as_str(), many.as_str()] {
        sandbox.write("ca.pem", text);
        sent("trusted");
    }
    assert_eq!(server.requests().len(), 2);
    // The configuration is as it was; only this file changes.
    let mut expected = Vec::new();
    sandbox.write("ca.pem", &format!("{many}{authority}"));
    sent("too large");
    expected.push("larger than 524288 bytes");
    fs::remove_file(&cainfo).unwrap();
    mkfifo(&cainfo, Mode::S_IRWXU).unwrap();
    sent("FIFO");
    expected.push("not a regular file");
    fs::remove_file(&cainfo).unwrap();
    sent("gone");
    expected.push("No such file");
    sandbox.write("ca.pem", &authority);
    fs::set_permissions(&cainfo, fs::Permissions::from_mode(0o666)).unwrap();
    sent("open to all");
    expected.push("others than its owner can write it");
    if can_be_others() {
        sandbox.write("ca.pem", &authority);
        chown(&cainfo, Some(STRANGER), None).unwrap();
        sent("of another user");
        expected.push("it belongs to user 1001");
    }
    let reasons = reasons(&sandbox);
    assert_eq!(reasons.len(), expected.len());
    for part in expected {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}: {reasons:?}");
    }
    sandbox.store("the system's");
    server.wait_for(3);
    drop(daemon);
}

#[test]
fn sixteen_requests_with_the_largest_certificates_fit_into_the_process() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let nginx = Nginx::start(&sandbox, &format!("http://{}", server.address()), &Manner::default());
    let authority = fs::read_to_string(nginx.certificates.authority()).unwrap();
    let cainfo = sandbox.write("ca.pem", &authority.repeat(512 * 1024 / authority.len()));
    // Configurations of whoever runs the test, root's for four users.
    let users = if can_be_others() { 4 } else { 1 };
    for n in 0..4 * users {
        let lines = format!("cainfo={}", cainfo.display());
        let config = sandbox.configure_record(&format!("{n}.conf"), &nginx.url(&format!("/{n}")), &lines);
        sandbox.store_from(sender() + n / 4, &record_for(&config, "large"));
    }
    let mut daemon = sandbox.start_telempostd();
    server.wait_for(4 * users as usize);
    gate.open();
    sandbox.wait_until_empty();
    assert_eq!(daemon.stop().matches("telempost-upload").count(), 0);
    assert_eq!(sandbox.delivery_log().len(), 4 * users as usize);
}
