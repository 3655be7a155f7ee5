//! The power is cut while state is written: what was rejected is in the spool or beside it, a probe reports each of its
//! findings once, and no state keeps a program from starting.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;
use system_tests::torture::{Dice, LoopFs, short_or_full};
use telemetry::Record;
use telemetry_record::header::Header;
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;
use telemetry_store::rejected::RejectedDir;
use telemetry_store::spool::{Durability, SpoolDir, Writer, file};
use test_harness::journal::{Entry, Journal};
use test_harness::{Process, Sandbox, until};

/// Room for a spool and for state.
const MIB: u64 = 32;
/// A cut comes within this time of the moment at which a program has something to write.
const MOMENT: Duration = Duration::from_millis(100);
/// Records that wait at a cut; with all cuts of a sandbox fewer than are kept of what is rejected.
const RECORDS: usize = 12;
/// Cuts in a sandbox.
const CUTS: usize = 8;
/// Units that fail in the journal of a machine.
const UNITS: usize = 20;

/// A sandbox whose spool and state lie on a disk of their own.
fn sandbox_on_a_disk() -> Option<(Sandbox, LoopFs)> {
    let mut sandbox = Sandbox::new();
    let disk = LoopFs::format(&sandbox.path(""), "disk", MIB)?;
    put_on(&mut sandbox, disk.path());
    Some((sandbox, disk))
}

fn put_on(sandbox: &mut Sandbox, disk: &Path) {
    for (key, name) in [("spool_dir", "spool"), ("state_dir", "state")] {
        fs::create_dir_all(disk.join(name)).unwrap();
        sandbox.set(key, disk.join(name).display());
    }
}

/// Each state file on this disk is whole, or was never written; and what proves a machine id was there before it.
fn check_state(disk: &Path) {
    let proofs = fs::read_to_string(disk.join("state/preimages/ids")).unwrap_or_default();
    for entry in fs::read_dir(disk.join("state")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        match path.file_name().unwrap().to_str().unwrap() {
            name if name.starts_with(".new-") => {}
            "machine_id" => {
                assert!(text.parse::<HexId>().is_ok(), "{}: {text:?}", path.display());
                assert!(
                    proofs.lines().any(|line| line.starts_with(&text)),
                    "{text} is in none of {proofs:?}"
                );
            }
            // What is not synced may be empty, and is taken for not there.
            _ => assert!(
                text.is_empty() || serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                "{}: {text:?}",
                path.display()
            ),
        }
    }
}

#[test]
fn what_was_rejected_is_in_the_spool_or_beside_it() {
    for _ in 0..short_or_full(1, 12) {
        let Some((sandbox, disk)) = sandbox_on_a_disk() else { return };
        let spool = Writer::open_or_create(&sandbox.spool_dir()).unwrap();
        let record = Record::new(1, "org.example/test/rejected", 1).unwrap();
        // Without a server: the configuration that names it is not there.
        let config = Some(sandbox.path("none.conf"));
        let mut telempostd = sandbox.start("telempostd");
        let (mut dice, mut stored) = (Dice::new(), BTreeSet::new());
        for cut in 0..CUTS {
            for number in 0..RECORDS {
                let payload = format!("{cut} {number}");
                let headers = record.headers().clone();
                let message = Message { config: config.clone(), headers, payload: payload.clone() };
                spool.store(0, &[&message], Durability::Synced).unwrap();
                stored.insert(payload);
            }
            dice.moment(MOMENT);
            let after = LoopFs::after_cut(&disk.power_cut_of(&telempostd), &sandbox.path(""));
            check_state(after.path());
            let found = payloads(&after.path().join("spool"));
            assert_eq!(stored.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new());
        }
        until("all rejected", || spool.entries().unwrap().is_empty().then_some(()));
        telempostd.stop();
    }
}

/// Payloads of the records that wait, and of those that were rejected.
fn payloads(spool: &Path) -> BTreeSet<String> {
    let spool = SpoolDir::open(spool).unwrap();
    let mut payloads = BTreeSet::new();
    for entry in spool.entries().unwrap() {
        let decoded = file::decode(&entry.name, &spool.read(&entry.name).unwrap());
        payloads.extend(decoded.records.into_iter().map(|record| record.message.payload));
    }
    if let Some(rejected) = RejectedDir::open(&spool).unwrap() {
        let records = rejected.list().unwrap();
        payloads.extend(records.into_iter().filter_map(|record| Some(record.message?.payload)));
    }
    payloads
}

#[test]
fn a_probe_reports_each_finding_once_and_the_machine_keeps_its_id() {
    let mut dice = Dice::new();
    for _ in 0..short_or_full(4, 60) {
        let Some((mut sandbox, disk)) = sandbox_on_a_disk() else { return };
        let journal = Journal::new(sandbox.path("journal-files"));
        let units: Vec<_> = (0..UNITS).map(|number| format!("unit{number}.service")).collect();
        let entries: Vec<_> = units.iter().map(|unit| Entry::exit(unit, 60)).collect();
        journal.append("system.journal", &entries);
        let mut telemprobd = sandbox.start_telemprobd();
        let mut probe = start_probe(&sandbox, &journal);
        until("a finding", || (!sandbox.spooled().is_empty()).then_some(()));
        dice.moment(MOMENT);
        // What telemprobd does after the probe was stopped may be on the disk too: it only adds records that were sent.
        let image = disk.power_cut_of(&probe);
        probe.kill();
        telemprobd.stop();

        let after = LoopFs::after_cut(&image, &sandbox.path(""));
        check_state(after.path());
        let machine_id = fs::read_to_string(after.path().join("state/machine_id")).unwrap();
        put_on(&mut sandbox, after.path());
        let mut telemprobd = sandbox.start_telemprobd();
        let mut probe = start_probe(&sandbox, &journal);
        assert!(probe.wait().success(), "{}", probe.log());
        let records = sandbox.spooled();
        let mut reported = BTreeMap::<_, usize>::new();
        for Message { headers, payload, .. } in records.iter().map(|record| &record.message) {
            let unit = payload.lines().find_map(|line| line.strip_prefix("UNIT=")).unwrap();
            *reported.entry(unit.to_owned()).or_default() += 1;
            assert_eq!(headers.value(Header::MachineId), machine_id);
        }
        assert_eq!(reported, units.into_iter().map(|unit| (unit, 1)).collect());
        telemprobd.stop();
    }
}

fn start_probe(sandbox: &Sandbox, journal: &Journal) -> Process {
    let args = ["--once", "-f", &sandbox.config_arg(), "--directory", journal.dir_arg()];
    Process::start(&sandbox.path(""), "journalprobe", &args)
}
