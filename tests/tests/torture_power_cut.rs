//! The power is cut at random moments under load: what was answered before is on the disk, whole.
//!
//! Two kinds of moment take turns. telemprobd is stopped wherever it is between two of its system calls; and
//! the senders are held back, so that nothing follows the last answer: the sync of a next record would
//! take along what the last one failed to sync.

use std::collections::HashSet;
use std::time::Duration;
use system_tests::torture::{Dice, Load, LoopFs, short_or_full};
use telemetry_store::spool::recovery::recover_all;
use telemetry_store::spool::{DAMAGED_DIR, SpoolDir, file};
use test_harness::{Process, Sandbox, until};

/// Room for all that a round of cuts stores: nothing is delivered meanwhile.
const MIB: u64 = 128;
const CUTS_A_ROUND: usize = 8;
/// A cut comes within this time of the moment at which records are being answered.
const MOMENT: Duration = Duration::from_millis(250);

/// What cuts did.
#[derive(Debug, Default)]
struct Cuts {
    taken: usize,
    answered: usize,
    found: usize,
    lost: usize,
}

#[test]
fn what_was_answered_is_on_the_disk() {
    for _ in 0..short_or_full(1, 12) {
        let Some(cuts) = cut_power(true, CUTS_A_ROUND) else { return };
        println!("spool_sync=true: {cuts:?}");
        assert_eq!(cuts.lost, 0, "{cuts:?}");
        assert!(cuts.answered > 20, "under load: {cuts:?}");
    }
}

/// That it finds what is missing: without the syncs a disk that lost its power lacks the last records. It
/// lacks them for certain, since ext4 leaves data in memory for seconds (`commit=5`, and delayed
/// allocation for up to 30 seconds), and the first of these cuts comes at once.
#[test]
fn without_syncs_it_is_not_and_that_is_seen() {
    let Some(cuts) = cut_power(false, 3) else { return };
    println!("spool_sync=false: {cuts:?}");
    assert!(cuts.lost > 0, "{cuts:?}");
}

fn cut_power(spool_sync: bool, cuts: usize) -> Option<Cuts> {
    let mut sandbox = Sandbox::new();
    let disk = LoopFs::format(&sandbox.path(""), "disk", MIB)?;
    sandbox
        .set("spool_dir", disk.path().join("spool").display())
        .set("spool_sync", spool_sync)
        .set("spool_max_size", -1);
    let mut telemprobd = sandbox.start_telemprobd();
    let load = Load::start(&sandbox.socket_path(), "power", 6);
    let mut dice = Dice::new();
    let mut sum = Cuts::default();
    for cut in 0..cuts {
        let before = load.answered();
        until("answers", || {
            assert_eq!(load.refused(), 0, "the disk is too small for this test");
            (load.answered() > before).then_some(())
        });
        dice.moment(MOMENT);
        let (answered, image) = match cut % 2 {
            0 => cut_after_an_answer(&load, &disk),
            _ => cut_anywhere(&load, &telemprobd, &disk),
        };
        let found = on_disk(&sandbox, &image, spool_sync);
        sum.taken += 1;
        sum.answered = answered.len();
        sum.found = found.len();
        sum.lost = sum.lost.max(answered.difference(&found).count());
    }
    let account = load.stop();
    assert_eq!(account.refusals.len(), 0, "{:?}", account.refusals);
    telemprobd.stop();
    Some(sum)
}

fn cut_after_an_answer(load: &Load, disk: &LoopFs) -> (HashSet<String>, Vec<u8>) {
    let _pause = load.pause();
    (load.answered_payloads(), disk.power_cut())
}

fn cut_anywhere(load: &Load, telemprobd: &Process, disk: &LoopFs) -> (HashSet<String>, Vec<u8>) {
    // What was answered until now was answered before the cut, though the senders may not have seen the last answers yet.
    (load.answered_payloads(), disk.power_cut_of(telemprobd))
}

/// The payloads that are whole after the power is back.
fn on_disk(sandbox: &Sandbox, image: &[u8], spool_sync: bool) -> HashSet<String> {
    let disk = LoopFs::after_cut(image, &sandbox.path(""));
    let mut payloads = HashSet::new();
    // Without syncs not even the directory need be there.
    if let Ok(spool) = SpoolDir::open(&disk.path().join("spool")) {
        // As the daemons do when they start.
        recover_all(&spool, |name, recovery| {
            drop(recovery.unwrap_or_else(|error| panic!("{name:?}: {error}")))
        })
        .unwrap();
        let damaged = spool.path().join(DAMAGED_DIR);
        assert!(!damaged.exists() || !spool_sync, "of what was answered nothing is damaged");
        for entry in spool.entries_and_segments().unwrap() {
            let decoded = file::decode(&entry.name, &spool.read(&entry.name).unwrap());
            assert!(
                decoded.damage.is_none() || !spool_sync,
                "{}: {:?}",
                entry.name.display(),
                decoded.damage
            );
            payloads.extend(decoded.records.into_iter().map(|record| record.message.payload));
        }
    }
    payloads
}
