//! journalprobe over time: what it reported is not reported again and nothing is missed, whatever happens to it, to the journal's
//! files and to telemprobd.

use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use test_harness::journal::{Entry, Journal};
use test_harness::{Process, Sandbox, until};

const FILE: &str = "system.journal";

fn scene(entries: &[Entry]) -> (Sandbox, Journal) {
    let sandbox = Sandbox::new();
    let journal = Journal::new(sandbox.path("journal"));
    journal.append(FILE, entries);
    (sandbox, journal)
}

/// Starts the probe.
fn start(sandbox: &Sandbox, journal: &Journal, args: &[&str]) -> Process {
    let config = sandbox.config_arg();
    let args = [&["-f", config.as_str(), "--directory", journal.dir_arg()], args].concat();
    Process::start(&sandbox.path(""), "journalprobe", &args)
}

/// Starts the probe, which follows the journal from then on.
fn follow(sandbox: &Sandbox, journal: &Journal) -> Process {
    let probe = start(sandbox, journal, &["-t"]);
    probe.wait_for_log("following the journal");
    probe
}

/// Runs the probe to its end, which is a success.
fn run(sandbox: &Sandbox, journal: &Journal) {
    let mut probe = start(sandbox, journal, &["--once"]);
    let status = probe.wait();
    assert!(status.success(), "{status}: {}", probe.log());
}

/// How often each unit failed, as the records say, and how many records say so.
fn reported(sandbox: &Sandbox) -> BTreeMap<String, (u64, usize)> {
    let mut reported = BTreeMap::new();
    for record in sandbox.spooled() {
        let value = |key: &str| record.message.payload.lines().find_map(|line| line.strip_prefix(key));
        let count = value("REPEATED=").map_or(1, |count| count.parse().unwrap());
        let (sum, records) = reported.entry(value("UNIT=").unwrap().to_owned()).or_default();
        *sum += count;
        *records += 1;
    }
    reported
}

/// Each of these once, in one record.
fn once<const N: usize>(units: [&str; N]) -> BTreeMap<String, (u64, usize)> {
    units.into_iter().map(|unit| (unit.to_owned(), (1, 1))).collect()
}

fn wait_until_reported(sandbox: &Sandbox, probe: &Process, unit: &str) {
    until(&format!("{unit} is reported: {}", probe.log()), || {
        reported(sandbox).contains_key(unit).then_some(())
    });
}

fn state_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("state/journalprobe-other.json")
}

/// What the state has is reported some seconds later, or by the next run that does not follow the journal.
fn wait_until_known(sandbox: &Sandbox, unit: &str) {
    until(unit, || fs::read_to_string(state_file(sandbox)).unwrap().contains(unit).then_some(()));
}

#[test]
fn a_run_goes_on_where_the_last_one_ended() {
    let (sandbox, journal) = scene(&[Entry::exit("a.service", 60)]);
    let _daemon = sandbox.start_telemprobd();
    run(&sandbox, &journal);
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["a.service"]));
    journal.append(FILE, &[Entry::exit("b.service", 50)]);
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["a.service", "b.service"]));
}

#[test]
fn following_begins_with_what_is_new_and_goes_on_where_it_stopped() {
    let (sandbox, journal) = scene(&[Entry::exit("old.service", 600)]);
    let _daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    let burst: Vec<_> = (0..40).map(|_| Entry::exit("burst.service", 0)).collect();
    journal.append(FILE, &burst);
    wait_until_reported(&sandbox, &probe, "burst.service");
    // Held when it stops, and counted into the window that runs.
    journal.append(FILE, &[Entry::exit("held.service", 0), Entry::exit("burst.service", 0)]);
    wait_until_known(&sandbox, "held.service");
    probe.stop();

    journal.append(FILE, &[Entry::exit("meanwhile.service", 0)]);
    let mut probe = follow(&sandbox, &journal);
    wait_until_reported(&sandbox, &probe, "meanwhile.service");
    wait_until_reported(&sandbox, &probe, "held.service");
    probe.signal(Signal::SIGINT);
    assert!(probe.wait().success());
    // The rest of what was counted is reported where the probe is not to follow.
    run(&sandbox, &journal);
    let mut expected = once(["held.service", "meanwhile.service"]);
    expected.insert("burst.service".to_owned(), (41, 2));
    assert_eq!(reported(&sandbox), expected);
}

#[test]
fn without_an_option_it_reports_what_is_there_and_then_what_comes() {
    let (sandbox, journal) = scene(&[Entry::exit("old.service", 600)]);
    let _daemon = sandbox.start_telemprobd();
    let mut probe = start(&sandbox, &journal, &[]);
    wait_until_reported(&sandbox, &probe, "old.service");
    journal.append(FILE, &[Entry::exit("new.service", 0)]);
    wait_until_reported(&sandbox, &probe, "new.service");
    assert!(probe.try_status().unwrap().is_none(), "{}", probe.log());
    probe.stop();
    let mut again = start(&sandbox, &journal, &[]);
    again.wait_for_log("following the journal");
    again.stop();
    assert_eq!(reported(&sandbox), once(["new.service", "old.service"]));
}

#[test]
fn following_where_nothing_ever_failed_misses_nothing() {
    let (sandbox, journal) = scene(&[Entry::new(600).with("MESSAGE", "all is well")]);
    let _daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    probe.kill();
    journal.append(FILE, &[Entry::exit("first.service", 0)]);
    let mut probe = follow(&sandbox, &journal);
    wait_until_known(&sandbox, "first.service");
    probe.stop();
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["first.service"]));
}

#[test]
fn a_probe_that_is_killed_at_any_moment_neither_repeats_nor_misses() {
    // More than are counted at one time, and more than may wait.
    let units: Vec<_> = (0..400).map(|n| format!("unit{n}.service")).collect();
    let entries: Vec<_> = units
        .iter()
        .zip(0..)
        .map(|(unit, n)| {
            Entry::exit(unit, 4000 - n).with("MESSAGE", format!("{} failed", "x".repeat(n as usize)))
        })
        .collect();
    let (sandbox, journal) = scene(&entries);
    let _daemon = sandbox.start_telemprobd();
    let records = || sandbox.spooled().len();
    let mut kills = 0;
    for step in [0, 1, 2, 7, 30, 50, 70, 100] {
        let before = records();
        let mut probe = start(&sandbox, &journal, &["--once"]);
        let ended = until("the next records", || {
            if probe.try_status().unwrap().is_some() {
                return Some(true);
            }
            (records() >= before + step).then_some(false)
        });
        probe.kill();
        kills += usize::from(!ended);
    }
    assert!(kills >= 6, "the probe was faster than the test: {kills}");
    run(&sandbox, &journal);
    let expected: BTreeMap<_, _> = units.into_iter().map(|unit| (unit, (1, 1))).collect();
    assert_eq!(reported(&sandbox), expected);
}

#[test]
fn what_is_held_survives_a_kill() {
    let (sandbox, journal) = scene(&[]);
    let _daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    journal.append(FILE, &[Entry::exit("held.service", 0)]);
    wait_until_known(&sandbox, "held.service");
    probe.kill();
    run(&sandbox, &journal);
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["held.service"]));
}

#[test]
fn files_that_are_rotated_and_vacuumed_are_read_once() {
    let (sandbox, journal) = scene(&[Entry::exit("first.service", 900)]);
    let _daemon = sandbox.start_telemprobd();
    run(&sandbox, &journal);
    // Rotated: the entry that was read last is in a file of another name.
    fs::rename(journal.file(FILE), journal.file("system@1.journal")).unwrap();
    journal.append(FILE, &[Entry::exit("second.service", 800)]);
    run(&sandbox, &journal);
    // Vacuumed: the entry that was read last is gone, an older one is there.
    fs::remove_file(journal.file(FILE)).unwrap();
    journal.append(FILE, &[Entry::exit("third.service", 700)]);
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["first.service", "second.service", "third.service"]));
    // Everything is gone.
    fs::remove_file(journal.file(FILE)).unwrap();
    fs::remove_file(journal.file("system@1.journal")).unwrap();
    run(&sandbox, &journal);
    journal.append(FILE, &[Entry::exit("fourth.service", 600)]);
    run(&sandbox, &journal);
    assert_eq!(
        reported(&sandbox),
        once(["first.service", "fourth.service", "second.service", "third.service"])
    );
}

#[test]
fn rotation_under_a_probe_that_follows() {
    let (sandbox, journal) = scene(&[]);
    let _daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    journal.append(FILE, &[Entry::exit("before.service", 0)]);
    wait_until_known(&sandbox, "before.service");
    fs::rename(journal.file(FILE), journal.file("system@1.journal")).unwrap();
    journal.append(FILE, &[Entry::exit("rotated.service", 0)]);
    fs::remove_file(journal.file("system@1.journal")).unwrap();
    // Whole at once: an empty file is one that somebody has begun to write, and no damage.
    fs::write(journal.file("noise"), vec![b'x'; 10_000]).unwrap();
    fs::rename(journal.file("noise"), journal.file("noise.journal")).unwrap();
    journal.append(FILE, &[Entry::exit("vacuumed.service", 0)]);
    wait_until_known(&sandbox, "vacuumed.service");
    probe.wait_for_log("noise.journal");
    probe.stop();
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["before.service", "rotated.service", "vacuumed.service"]));
}

#[test]
fn what_telemprobd_does_not_take_is_kept() {
    let (sandbox, journal) = scene(&[Entry::exit("a.service", 60)]);
    let mut probe = start(&sandbox, &journal, &["--once"]);
    assert_eq!(probe.wait().code(), Some(1), "{}", probe.log());
    assert!(probe.log().contains("telemctl start"), "{}", probe.log());
    let _daemon = sandbox.start_telemprobd();
    run(&sandbox, &journal);
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["a.service"]));
}

#[test]
fn a_probe_that_follows_waits_for_telemprobd() {
    let (sandbox, journal) = scene(&[]);
    let probe = follow(&sandbox, &journal);
    journal.append(FILE, &[Entry::exit("b.service", 0)]);
    probe.wait_for_log("trying again");
    // Not read before telemprobd is there.
    journal.append(FILE, &[Entry::exit("c.service", 0)]);
    let _daemon = sandbox.start_telemprobd();
    wait_until_reported(&sandbox, &probe, "b.service");
    wait_until_reported(&sandbox, &probe, "c.service");
    assert_eq!(reported(&sandbox), once(["b.service", "c.service"]));
}

#[test]
fn it_ends_and_forgets_when_consent_is_withdrawn() {
    let (sandbox, journal) = scene(&[]);
    let mut daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    journal.append(FILE, &[Entry::exit("held.service", 0)]);
    wait_until_known(&sandbox, "held.service");
    sandbox.opt_out();
    assert!(probe.wait().success(), "{}", probe.log());
    assert!(probe.log().contains("opted out"), "{}", probe.log());
    assert!(!state_file(&sandbox).exists() && reported(&sandbox).is_empty());
    assert!(daemon.wait().success(), "{}", daemon.log());
    // What was written meanwhile is nobody's business.
    journal.append(FILE, &[Entry::exit("meanwhile.service", 0)]);
    sandbox.opt_in();
    let _daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    journal.append(FILE, &[Entry::exit("again.service", 0)]);
    wait_until_known(&sandbox, "again.service");
    probe.stop();
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["again.service"]));
}

#[test]
fn the_override_is_obeyed_while_it_runs() {
    let (sandbox, journal) = scene(&[]);
    let _daemon = sandbox.start_telemprobd();
    let allowed = sandbox.write("etc/opt-in-no-privacy-filters", "");
    let error =
        |unit: &str| Entry::new(0).with("MESSAGE", "no").with("PRIORITY", "3").with("_SYSTEMD_UNIT", unit);
    let mut probe = follow(&sandbox, &journal);
    journal.append(FILE, &[error("one.service")]);
    wait_until_known(&sandbox, "one.service");
    fs::remove_file(allowed).unwrap();
    journal.append(FILE, &[error("two.service"), Entry::exit("three.service", 0)]);
    wait_until_known(&sandbox, "three.service");
    probe.stop();
    run(&sandbox, &journal);
    assert_eq!(reported(&sandbox), once(["one.service", "three.service"]));
}

#[test]
fn one_probe_at_a_time() {
    let (sandbox, journal) = scene(&[]);
    let _daemon = sandbox.start_telemprobd();
    let mut probe = follow(&sandbox, &journal);
    let mut second = start(&sandbox, &journal, &["--once"]);
    assert_eq!(second.wait().code(), Some(1));
    assert!(
        second.log().contains(&format!(
            "is already running with run_dir={} (pid {})",
            sandbox.path("run").display(),
            probe.pid()
        )),
        "{}",
        second.log()
    );
    probe.stop();
}
