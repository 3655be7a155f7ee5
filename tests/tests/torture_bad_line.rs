//! A line to the server that is slow, breaks, or swallows answers: each record arrives, once.

use std::time::Duration;
use system_tests::torture::relay::Behaviour;
use system_tests::torture::{
    Kept, Load, Relay, check_alive, check_no_remains, collected, short_or_full, until_delivered,
};
use test_harness::{Collector, Sandbox, until};

/// Delivers records through a relay of this behaviour; returns it, so that what it did can be checked.
fn deliver_through(name: &str, behaviour: impl Fn(usize) -> Behaviour + Send + 'static) -> Relay {
    let mut sandbox = Sandbox::new();
    sandbox.set("rate_limit_enabled", false).set("spool_max_size", -1);
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let relay = Relay::start(&collector.url, behaviour);
    sandbox.set("server", format!("{}/v2/collector", relay.url));
    let mut telemprobd = sandbox.start_telemprobd();
    let mut telempostd = sandbox.start("telempostd");
    let senders = 4;
    let load = Load::start_bounded(&sandbox.socket_path(), name, senders, short_or_full(250, 1000));
    let account = load.join();
    until_delivered(&sandbox);
    check_alive(&mut telempostd);
    telempostd.stop();
    telemprobd.stop();
    check_no_remains(&sandbox);
    let collected: Vec<Kept> = collected::collected(&sandbox, collector);
    println!(
        "{name}: {} answered, {} collected; {} connections, {} of them cut",
        account.answered.len(),
        collected.len(),
        relay.connections(),
        relay.cut()
    );
    account.check(&collected, &[]).unwrap();
    assert_eq!(account.answered.len(), senders * short_or_full(250, 1000));
    relay
}

#[test]
fn twenty_five_milliseconds_each_way() {
    deliver_through("slow", |_| Behaviour::Delayed(Duration::from_millis(25)));
}

/// The connections that are not dropped end too, after some more records, since otherwise they would
/// carry all and there would be no third one.
#[test]
fn every_third_connection_is_dropped() {
    let relay = deliver_through("dropped", |number| match number % 3 {
        2 => Behaviour::BreaksAfter(1000),
        _ => Behaviour::BreaksAfter(60_000),
    });
    assert!(relay.connections() >= 3 && relay.cut() >= 3, "{relay:?}");
}

#[test]
fn the_server_takes_the_record_and_closes_before_it_answers() {
    let relay = deliver_through("swallowed", |number| match number {
        0..3 => Behaviour::Unanswered,
        _ => Behaviour::Delayed(Duration::ZERO),
    });
    assert!(relay.cut() >= 1, "{relay:?}");
}

/// With one request in flight nothing but its own second try can bring the answer.
#[test]
fn one_record_whose_answer_was_swallowed_is_there_once() {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let relay = Relay::start(&collector.url, |number| match number {
        0 => Behaviour::Unanswered,
        _ => Behaviour::Delayed(Duration::ZERO),
    });
    sandbox.set("server", format!("{}/v2/collector", relay.url));
    let mut telemprobd = sandbox.start_telemprobd();
    let mut telempostd = sandbox.start("telempostd");
    let account = Load::start_bounded(&sandbox.socket_path(), "one", 1, 1).join();
    until("the answer that was swallowed", || (relay.cut() == 1).then_some(()));
    until_delivered(&sandbox);
    assert!(relay.connections() >= 2, "it was tried again: {relay:?}");
    telempostd.stop();
    telemprobd.stop();
    account.check(&collected::collected(&sandbox, collector), &[]).unwrap();
    assert_eq!(account.answered.len(), 1);
}
