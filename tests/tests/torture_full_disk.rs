//! The disk is full while records come and while they are delivered, and then has space again.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use system_tests::torture::exchange::{Answer, exchange, message};
use system_tests::torture::{
    Account, Kept, Load, LoopFs, check_alive, check_no_remains, collected, short_or_full, until_delivered,
};
use telemetry_store::counters::{Counter, Counts};
use telemetry_store::forget::SentLedger;
use test_harness::{Collector, Sandbox, until};

const ENOSPC: i32 = -28;

/// Takes every block that gets free, until it is dropped; then gives all of them back.
struct Hog {
    path: std::path::PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hog {
    fn start(disk: &LoopFs) -> Self {
        let path = disk.path().join("hog");
        let mut file = File::create(&path).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                // Whole blocks while there are some, then what is left of the last.
                if file.write_all(&[0; 4096]).is_err() && file.write_all(&[0; 64]).is_err() {
                    thread::yield_now();
                }
            }
        });
        Self { path, stop, thread: Some(thread) }
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}

#[test]
fn a_full_spool_disk_loses_nothing() {
    for _ in 0..short_or_full(1, 5) {
        fill_and_free(&["spool_dir"]);
    }
}

#[test]
fn a_full_disk_of_spool_state_and_journal_loses_nothing() {
    for _ in 0..short_or_full(1, 5) {
        fill_and_free(&["spool_dir", "state_dir", "log_dir"]);
    }
}

fn fill_and_free(directories_on_it: &[&str]) {
    let mut sandbox = Sandbox::new();
    let Some(disk) = LoopFs::format(&sandbox.path(""), "disk", 8) else { return };
    for key in directories_on_it {
        let path = disk.path().join(key);
        // As the installation makes them: what is missing cannot be made on a full disk.
        fs::create_dir(&path).unwrap();
        sandbox.set(key, path.display());
    }
    sandbox.set("spool_keep_free", 0).set("spool_max_size", -1).set("rate_limit_enabled", false);
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let mut telemprobd = sandbox.start_telemprobd();

    // Full while sending.
    let load = Load::start(&sandbox.socket_path(), "full", 3);
    until("refusals", || (load.refused() >= 20).then_some(()));
    let stored_when_full = load.answered();
    check_alive(&mut telemprobd);

    // Full while delivering, and still sending.
    let hog = Hog::start(&disk);
    let mut telempostd = sandbox.start("telempostd");
    until("deliveries", || (collected::count(&collector) >= stored_when_full / 2).then_some(()));
    let refused = load.refused();
    until("further refusals", || (load.refused() > refused).then_some(()));
    check_alive(&mut telemprobd);
    check_alive(&mut telempostd);

    // Space again: the same senders are answered 0 again.
    drop(hog);
    let answered = load.answered();
    until("records stored again", || (load.answered() >= answered + 100).then_some(()));
    let mut account = load.stop();
    let after = "after all that".to_owned();
    let answer = exchange(&sandbox.socket_path(), &message("org.example/torture/after", &after));
    assert_eq!(answer, Answer::Stored);
    account.note(after, answer);
    until_delivered(&sandbox);
    telemprobd.stop();
    telempostd.stop();
    let is_state_on_it = directories_on_it.contains(&"state_dir");
    let state_dir = if is_state_on_it { disk.path().join("state_dir") } else { sandbox.path("state") };
    assert_eq!(servers_to_forget(&state_dir), [format!("{}/v2/collector", collector.url)]);
    check_account(&sandbox, collector, &account, stored_when_full);
}

/// Whom opt-out asks to forget what was sent.
fn servers_to_forget(state_dir: &Path) -> Vec<String> {
    let ledger = SentLedger::read(state_dir).unwrap();
    assert!(ledger.servers.iter().all(|server| server.ids.len() == 1), "{ledger:?}");
    ledger.servers.into_iter().map(|server| server.url).collect()
}

#[test]
fn the_server_of_the_last_record_on_a_full_disk_is_known_once_there_is_room() {
    let mut sandbox = Sandbox::new();
    let Some(disk) = LoopFs::format(&sandbox.path(""), "state", 8) else { return };
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    // It has made the machine id.
    let mut telemprobd = sandbox.start_telemprobd();
    let hog = Hog::start(&disk);
    until("a full disk", || fs::write(disk.path().join("more"), [0; 4096]).is_err().then_some(()));
    let answer = exchange(&sandbox.socket_path(), &message("org.example/torture/last", "x"));
    assert_eq!(answer, Answer::Stored);
    let mut telempostd = sandbox.start("telempostd");
    collector.wait_for(1);
    assert_eq!(servers_to_forget(disk.path()), [""; 0]);
    // No further record comes, and nobody stops it in order.
    drop(hog);
    until("the ledger", || (!servers_to_forget(disk.path()).is_empty()).then_some(()));
    telempostd.kill();
    assert_eq!(servers_to_forget(disk.path()), [format!("{}/v2/collector", collector.url)]);
    telemprobd.stop();
}

fn check_account(sandbox: &Sandbox, collector: Collector, account: &Account, stored_when_full: usize) {
    check_no_remains(sandbox);
    let collected: Vec<Kept> = collected::collected(sandbox, collector);
    println!(
        "{stored_when_full} stored until the disk was full; {} answered in all, {:?} refused; {} collected",
        account.answered.len(),
        account.refusals,
        collected.len()
    );
    account.check(&collected, &[]).unwrap();
    let refusals: Vec<_> = account.refusals.keys().collect();
    assert_eq!(refusals, [&ENOSPC], "the senders learn the reason");
    assert_eq!(account.unanswered.len(), 0);
}

#[test]
fn the_file_system_keeps_what_is_to_stay_free() {
    let mut sandbox = Sandbox::new();
    let Some(disk) = LoopFs::format(&sandbox.path(""), "disk", 8) else { return };
    sandbox.set("spool_dir", disk.path().join("spool").display());
    sandbox.set("spool_keep_free", 60).set("spool_max_size", -1).set("user_records_per_minute", -1);
    let mut telemprobd = sandbox.start_telemprobd();
    let send =
        |n: usize| exchange(&sandbox.socket_path(), &message("org.example/torture/free", &n.to_string()));
    let (stored, answer) =
        (0..10_000).map(|n| (n, send(n))).find(|(_, answer)| *answer != Answer::Stored).unwrap();
    assert_eq!(answer, Answer::Refused(ENOSPC));
    assert!(stored > 100, "only {stored} stored on 8 MiB");
    let disk_stat = nix::sys::statvfs::statvfs(disk.path()).unwrap();
    let free_percent = disk_stat.blocks_available() * 100 / disk_stat.blocks();
    assert!((58..=62).contains(&free_percent), "{free_percent} per cent are free");
    until("the reason in the counters", || {
        let counts = Counts::read(&sandbox.path("state"));
        counts.by_reason(Counter::Refused).any(|found| found == ("disk_full", 1)).then_some(())
    });
    telemprobd.stop();
}
