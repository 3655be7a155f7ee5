//! A list of servers: records go to the first that works, nothing is lost, and what two servers may hold is counted.

use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Output;
use std::time::{Duration, Instant};
use test_harness::server::{Reply, Request, Server};
use test_harness::{Sandbox, until, waiting};

fn telemctl(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let config = sandbox.config_arg();
    sandbox.command("telemctl", &[&["--config", &config], arguments].concat()).output().unwrap()
}

fn status(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&telemctl(sandbox, &["status", "--json"]).stdout).unwrap()
}

fn keys(server: &Server) -> BTreeSet<String> {
    server.requests().iter().map(Request::key).collect()
}

/// A list of these servers, with the shortest times.
fn set_up(servers: &[&Server]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let urls: Vec<_> = servers.iter().map(|server| server.url()).collect();
    sandbox.set("server", urls.join(","));
    sandbox.set("failover_after", "5");
    sandbox.set("failback_after", "0");
    sandbox.set("rate_limit_enabled", "false");
    sandbox
}

#[test]
fn records_go_to_the_next_server_and_an_idle_exit_keeps_which_that_is() {
    let (first, second) = (Server::start(|_, _| Reply::Status(503)), Server::accepting());
    let mut sandbox = set_up(&[&first, &second]);
    sandbox.set("recycling_idle_time", "1");
    waiting::put(&sandbox, 20);
    let start = Instant::now();
    let mut telempostd = sandbox.start("telempostd");
    until("all at the second", || (keys(&second).len() == 20).then_some(()));
    assert!(start.elapsed() >= Duration::from_secs(5), "it was given up too early");
    // Nothing to do: it ends by itself.
    assert!(telempostd.wait().success());
    let list = &status(&sandbox)["server"]["list"];
    assert_eq!((&list[0]["active"], &list[1]["active"]), (&Value::Bool(false), &Value::Bool(true)), "{list}");
    assert!(list[0]["last_failure"].as_str().unwrap().contains("503"), "{list}");
    assert!(telempostd.log().contains("does not take records, which go to"), "{}", telempostd.log());

    let asked = first.requests().len();
    waiting::put(&sandbox, 5);
    let mut telempostd = sandbox.start("telempostd");
    until("these too", || (keys(&second).len() == 25).then_some(()));
    telempostd.stop();
    // One of them may have been a probe.
    assert!(first.requests().len() <= asked + 1, "{}", first.requests().len() - asked);
    let text = String::from_utf8(telemctl(&sandbox, &["status"]).stdout).unwrap();
    assert!(text.contains(": records go there for"), "{text}");
    let said = String::from_utf8(telemctl(&sandbox, &["doctor"]).stdout).unwrap();
    let why = format!("of 2 servers records go to {} for ", second.url());
    assert!(
        said.lines().any(|line| line.contains(&why) && line.contains("fails: ") && line.contains("503")),
        "{said}"
    );
}

#[test]
fn a_server_that_rejects_records_works_and_one_that_is_not_trusted_does_not() {
    // Rejected by every record, and by each for longer than it may fail.
    let reject = |_: usize, _: &Request| Reply::Full(400, "Content-Type: text/plain", "no");
    let (rejecting, other) = (Server::start(reject), Server::accepting());
    let sandbox = set_up(&[&rejecting, &other]);
    let mut telempostd = sandbox.start("telempostd");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(7) {
        waiting::put(&sandbox, 1);
        sandbox.wait_until_empty();
        std::thread::sleep(Duration::from_millis(200));
    }
    telempostd.stop();
    assert_eq!(other.requests().len(), 0, "what is rejected is rejected, and goes nowhere else");
    assert!(rejecting.requests().len() > 5);

    // It speaks no TLS, and no certificate of it is trusted.
    let mut sandbox = set_up(&[&other]);
    let https = rejecting.url().replace("http://", "https://");
    sandbox.set("server", format!("{https} {}", other.url()));
    waiting::put(&sandbox, 3);
    let mut telempostd = sandbox.start("telempostd");
    until("all at the other one", || (keys(&other).len() == 3).then_some(()));
    telempostd.stop();
}

#[test]
fn a_server_that_takes_records_without_an_answer_makes_them_doubles_that_are_counted_under_one_key() {
    // It has them, and nobody hears of it.
    let (first, second) = (Server::start(|_, _| Reply::Close), Server::accepting());
    let sandbox = set_up(&[&first, &second]);
    waiting::put(&sandbox, 3);
    let mut telempostd = sandbox.start("telempostd");
    until("all at the second", || (keys(&second).len() == 3).then_some(()));
    telempostd.stop();
    let doubles = keys(&first).intersection(&keys(&second)).count() as u64;
    assert!(doubles >= 1);
    assert_eq!(status(&sandbox)["counters"]["maybe_twice"]["total"], doubles);
    assert_eq!(second.requests().len(), 3, "each server has a record once");
}

#[test]
fn two_servers_that_come_and_go_have_each_record_between_them() {
    let addresses: Vec<SocketAddr> = {
        let servers = [Server::accepting(), Server::accepting()];
        servers.iter().map(Server::address).collect()
    };
    let mut sandbox = Sandbox::new();
    let urls: Vec<_> = addresses.iter().map(|address| format!("http://{address}/v2/collector")).collect();
    sandbox.set("server", urls.join(" "));
    sandbox.set("failover_after", "5");
    sandbox.set("failback_after", "0");
    sandbox.set("rate_limit_enabled", "false");
    let mut got = [BTreeSet::new(), BTreeSet::new()];
    let (rounds, records) = (4, 300);
    let mut telempostd = sandbox.start("telempostd");
    for round in 0..rounds {
        let up = round % 2;
        let server = Server::start_at(addresses[up], |_, _| Reply::Status(201));
        waiting::put(&sandbox, records);
        until("all of this round", || sandbox.spooled().is_empty().then_some(()));
        got[up].extend(keys(&server));
    }
    telempostd.stop();
    let union: BTreeSet<_> = got[0].union(&got[1]).collect();
    assert_eq!(union.len(), rounds * records);
    let doubles = got[0].intersection(&got[1]).count();
    assert!(doubles <= 64 * rounds, "{doubles}");
}
