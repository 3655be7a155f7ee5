//! Memory and descriptors of both daemons stay flat over a long run.

use system_tests::torture::{Load, check_alive, collected, short_or_full, until_delivered};
use test_harness::{Collector, Process, Sandbox, until};

/// Records between two measurements. Each ends with an empty spool, so that like is held against like.
const SLICE: usize = 2500;
const SENDERS: usize = 4;
/// More resident memory than after the warm-up that is no leak: what an allocator keeps differs with how
/// records happened to fall together. In the full run it is five bytes a record.
const SLACK_KIB: u64 = 1024;

#[test]
fn memory_and_descriptors_stay_flat() {
    let mut sandbox = Sandbox::new();
    sandbox
        .set("rate_limit_enabled", false)
        .set("spool_max_size", -1)
        .set("user_records_per_minute", -1)
        .set("daemon_recycling_enabled", false);
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let mut daemons = [sandbox.start_telemprobd(), sandbox.start("telempostd")];

    // Two slices to warm up: the second one is the first with all buffers grown.
    let mut sent = send(&sandbox, 0) + send(&sandbox, 1);
    let warm = daemons.each_ref().map(|daemon| (daemon.status_kib("VmRSS"), daemon.open_descriptors()));
    let total = short_or_full(4 * SLICE, 80 * SLICE + sent);
    let mut largest = [0; 2];
    for slice in 2.. {
        sent += send(&sandbox, slice);
        for (daemon, largest) in daemons.iter().zip(&mut largest) {
            *largest = daemon.status_kib("VmRSS").max(*largest);
        }
        if sent >= total {
            break;
        }
    }
    for ((daemon, name), (kib, descriptors)) in daemons.iter_mut().zip(["telemprobd", "telempostd"]).zip(warm)
    {
        check_alive(daemon);
        // What is free is given back a moment after the last record.
        let what = format!("{name} back at {kib} + {SLACK_KIB} KiB; it has {}", daemon.status_kib("VmRSS"));
        until(&what, || (daemon.status_kib("VmRSS") <= kib + SLACK_KIB).then_some(()));
        until(&format!("{name} back at {descriptors} descriptors"), || {
            (daemon.open_descriptors() <= descriptors).then_some(())
        });
        report(name, daemon, kib, descriptors, sent);
    }
    println!("largest resident sets between slices: {largest:?} KiB");
    assert_eq!(collected::count(&collector), sent);
    for daemon in &mut daemons {
        daemon.stop();
    }
}

/// Sends a slice and waits until it is delivered. Returns how many records it was.
fn send(sandbox: &Sandbox, slice: usize) -> usize {
    let load =
        Load::start_bounded(&sandbox.socket_path(), &format!("slice {slice}"), SENDERS, SLICE / SENDERS);
    let account = load.join();
    assert_eq!(account.answered.len(), SLICE, "{:?}", account.refusals);
    until_delivered(sandbox);
    SLICE
}

fn report(name: &str, daemon: &Process, kib: u64, descriptors: usize, sent: usize) {
    println!(
        "{name}: {kib} KiB and {descriptors} descriptors after the warm-up, {} KiB and {} after {sent} records",
        daemon.status_kib("VmRSS"),
        daemon.open_descriptors()
    );
}
