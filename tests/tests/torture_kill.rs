//! Each daemon is killed at random moments under load: what was answered reaches the collector exactly
//! once, or waits in the spool.

use nix::sys::signal::Signal;
use std::time::Duration;
use system_tests::torture::{
    Dice, Kept, Load, check_alive, check_no_remains, children, collected, short_or_full, until_delivered,
};
use test_harness::{Collector, Process, Sandbox, until};

/// A kill comes within this time of the moment at which its victim is known to be at work.
const MOMENT: Duration = Duration::from_millis(60);

#[test]
fn what_was_answered_survives_kills_of_every_process() {
    let mut sandbox = Sandbox::new();
    // Bounded, so that the spool does not outgrow the collector; a refusal is an answer too.
    sandbox.set("rate_limit_enabled", false).set("spool_max_size", 8192);
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let mut telemprobd = sandbox.start_telemprobd();
    let mut telempostd = sandbox.start("telempostd");
    let load = Load::start(&sandbox.socket_path(), "kill", 4);

    let mut dice = Dice::new();
    let mut kills = [0; 3];
    for kill in 0..short_or_full(15, 200) {
        // There is load between any two kills, also where the spool was full meanwhile.
        let before = load.answered();
        until("answers", || (load.answered() >= before + 10).then_some(()));
        match kill % 3 {
            0 => {
                dice.moment(MOMENT);
                telemprobd = replace(&sandbox, telemprobd, "telemprobd");
            }
            1 => {
                let before = collected::count(&collector);
                until("a record more", || (collected::count(&collector) > before).then_some(()));
                dice.moment(MOMENT);
                telempostd = replace(&sandbox, telempostd, "telempostd");
            }
            _ => {
                let child = until("an upload process", || children::children(&telempostd).first().copied());
                dice.moment(MOMENT);
                children::kill_child(child);
            }
        }
        kills[kill % 3] += 1;
    }

    let account = load.stop();
    until_delivered(&sandbox);
    telemprobd.stop();
    telempostd.stop();
    check_no_remains(&sandbox);
    let spooled: Vec<_> = sandbox.spooled().into_iter().map(Kept::from).collect();
    let collected = collected::collected(&sandbox, collector);
    println!(
        "kills of telemprobd, telempostd, telempost-upload: {kills:?}; {} answered, {} without an answer, \
         {:?} refused; {} collected, {} spooled",
        account.answered.len(),
        account.unanswered.len(),
        account.refusals,
        collected.len(),
        spooled.len()
    );
    account.check(&collected, &spooled).unwrap();
    assert!(account.answered.len() > kills.iter().sum());
}

/// Kills a daemon that must be alive, and starts it again at once.
fn replace(sandbox: &Sandbox, mut daemon: Process, name: &str) -> Process {
    check_alive(&mut daemon);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    sandbox.start(name)
}
