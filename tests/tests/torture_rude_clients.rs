//! Hundreds of silent, slow and noisy clients of another user: a good client is answered all the time.

use std::time::{Duration, Instant};
use system_tests::torture::{Stranger, check_alive, short_or_full};
use telemetry::{Client, Record};
use test_harness::{Sandbox, until};

const SILENT: usize = 500;
const SLOW: usize = 500;
const NOISY: usize = 100;

/// With the limit off they are all connected at one time; with it they come again as fast as they are
/// turned away.
#[test]
fn a_good_client_is_answered_all_the_time() {
    for most_connections in [-1, 64] {
        let mut sandbox = Sandbox::new();
        sandbox.set("user_max_connections", most_connections).set("spool_max_size", -1);
        let mut telemprobd = sandbox.start_telemprobd();
        let mut strangers = ["silent", "slow", "noise"].map(|_| Stranger::start(&sandbox));
        for (stranger, command) in
            strangers.iter_mut().zip([("silent", SILENT), ("slow", SLOW), ("noise", NOISY)])
        {
            assert_eq!(stranger.order(&format!("{} {}", command.0, command.1)), "ready");
        }
        if most_connections == -1 {
            until("all of them connected", || (telemprobd.open_descriptors() > SILENT + SLOW).then_some(()));
        }

        let client = Client::with_config_file(&sandbox.config()).unwrap();
        let mut record = Record::new(1, "org.example/torture/good", 1).unwrap();
        record.set_payload("good\n").unwrap();
        let (mut sent, mut slowest, mut sum) = (0, Duration::ZERO, Duration::ZERO);
        let start = Instant::now();
        while start.elapsed() < short_or_full(Duration::from_secs(4), Duration::from_secs(60)) {
            let begin = Instant::now();
            client.send(&record).unwrap();
            let took = begin.elapsed();
            (sent, slowest, sum) = (sent + 1, slowest.max(took), sum + took);
        }
        println!(
            "user_max_connections={most_connections}: {sent} records of a good client beside {SILENT} silent, \
             {SLOW} slow and {NOISY} noisy ones; slowest answer {slowest:?}, mean {:?}",
            sum / sent
        );
        drop(strangers);
        check_alive(&mut telemprobd);
        let kept = sandbox.spooled();
        assert_eq!(kept.len(), usize::try_from(sent).unwrap(), "and nothing else came through");
        telemprobd.stop();
    }
}
