//! *Whatever one user sends, names or replaces, another user's record is answered within a second and arrives once.*
//!
//! Attackers (a user, his subordinate ids, and a third user) do at random all that a user can do to the daemons; a fourth and root
//! go on sending.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use system_tests::torture::subordinate::{IDS, OWNER, start};
use system_tests::torture::{Dice, Stranger, check_alive, needs_root, short_or_full, until_drained};
use test_harness::Sandbox;
use test_harness::hung_fs::{Hang, HungFs};
use test_harness::server::{Reply, Server};

/// Who is to notice nothing of it.
const VICTIMS: [u32; 2] = [0, 2_500_000];

/// What an answer may take.
const A_SECOND: Duration = Duration::from_secs(1);

/// Time between two records of a victim: below the limit of a minute.
const PAUSE: Duration = Duration::from_millis(150);

/// What attackers can reach.
struct Field {
    /// Their files.
    folder: PathBuf,
    hung: [HungFs; 2],
    /// A server of theirs that rejects everything.
    rejecting: String,
    /// The system's.
    system: String,
}

impl Field {
    /// Puts something else in the place of an attacker's configuration.
    fn replace_configuration(&self, uid: u32, dice: &mut Dice) -> PathBuf {
        let path = self.folder.join(format!("{uid}.{}.conf", dice.below(4)));
        let aside = path.with_extension("new");
        let (system, cainfo) = (&self.system, self.folder.join(format!("{uid}.pem")));
        let config = |lines: &str| format!("[settings]\n{lines}\n");
        let text = match dice.below(11) {
            0 => config(&format!("server={system}\ntidheader=Content-Length:\\s0")),
            1 => config(&format!("server={system}\ntidheader=Content-Length:\\s100000")),
            2 => config(&format!("server={system}\ntidheader=X-Mine:\\s1")),
            3 => config(&format!("server={}", self.rejecting)),
            4 => config(&format!("server=https://127.0.0.1:1/\ncainfo={}", cainfo.display())),
            5 => config(&format!(
                "server=https://127.0.0.1:1/\ncainfo={}",
                self.hung[0].file("ca.pem").display()
            )),
            6 => format!("[settings]\n{}=1\n", "spool_di".repeat(8100)),
            7 => "x\n".repeat(40_000),
            8 => "\0\u{202e}\n".to_owned(),
            9 => return self.replace_by_no_file(&path, &aside, uid, dice),
            _ => return self.hung[dice.below(2) as usize].file("t.conf"),
        };
        self.replace_cainfo(&cainfo, uid, dice);
        fs::write(&aside, text).unwrap();
        let mode = if dice.below(5) == 0 { 0o666 } else { 0o644 };
        fs::set_permissions(&aside, Permissions::from_mode(mode)).unwrap();
        // Sometimes another's.
        let owner = if dice.below(6) == 0 { uid + 1 } else { uid };
        lchown(&aside, Some(owner), None).unwrap();
        fs::rename(&aside, &path).unwrap();
        path
    }

    /// A FIFO, a link to what only root may read, one to itself, or nothing.
    fn replace_by_no_file(&self, path: &Path, aside: &Path, uid: u32, dice: &mut Dice) -> PathBuf {
        let _ = fs::remove_file(path);
        match dice.below(4) {
            0 => mkfifo(aside, Mode::from_bits_truncate(0o644)).unwrap(),
            1 => symlink("/etc/shadow", aside).unwrap(),
            2 => symlink(path, aside).unwrap(),
            _ => return path.to_owned(),
        }
        lchown(aside, Some(uid), None).unwrap();
        fs::rename(aside, path).unwrap();
        path.to_owned()
    }

    fn replace_cainfo(&self, cainfo: &Path, uid: u32, dice: &mut Dice) {
        let _ = fs::remove_file(cainfo);
        match dice.below(3) {
            0 => mkfifo(cainfo, Mode::from_bits_truncate(0o644)).unwrap(),
            1 => fs::write(cainfo, "-----BEGIN CERTIFICATE-----\n".repeat(18_000)).unwrap(),
            _ => fs::write(cainfo, "none").unwrap(),
        }
        lchown(cainfo, Some(uid), None).unwrap();
    }
}

/// Attacks as one id until it is told to stop; returns how often.
fn attack(mut attacker: Stranger, uid: u32, field: &Field, mut dice: Dice, is_over: &AtomicBool) -> usize {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        count += 1;
        match dice.below(12) {
            0 => drop(attacker.order("hold 40")),
            1 => drop(attacker.order("drop")),
            2 => (0..20).for_each(|n| drop(attacker.order(&format!("send {n}")))),
            3 => drop(attacker.order(&format!("send {}", "x".repeat(8000)))),
            _ => {
                let path = field.replace_configuration(uid, &mut dice);
                attacker.order(&format!("config {}", path.display()));
            }
        }
    }
    count
}

/// Sends as a victim until it is told to stop; returns what was stored, and the slowest answer.
fn send(mut victim: Stranger, uid: u32, is_over: &AtomicBool) -> (Vec<String>, Duration) {
    let (mut stored, mut slowest) = (Vec::new(), Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let payload = format!("victim {uid} {}", stored.len());
        let begin = Instant::now();
        let answer = victim.send(&payload);
        slowest = slowest.max(begin.elapsed());
        assert_eq!(answer, 0, "{payload}");
        stored.push(payload);
        thread::sleep(PAUSE);
    }
    (stored, slowest)
}

fn field(sandbox: &Sandbox, system: &str, rejecting: &str) -> Field {
    let folder = sandbox.path("theirs");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o1777)).unwrap();
    let hung = [Hang::Lookup, Hang::Read]
        .map(|hang| HungFs::mount(&sandbox.path(&format!("hung-{hang:?}")), hang, OWNER));
    Field { folder, hung, rejecting: rejecting.to_owned(), system: system.to_owned() }
}

#[test]
fn whatever_one_user_does_anothers_record_is_answered_within_a_second_and_arrives_once() {
    if !needs_root("acting for other users, and mounting") {
        return;
    }
    let server = Server::accepting();
    let rejecting = Server::start(|_, _| Reply::Status(400));
    let mut sandbox = Sandbox::with_spool();
    // The limit of what leaves the machine is one for all users, and no matter of shares.
    sandbox.set("server", server.url()).set("rate_limit_enabled", "false");
    let field = field(&sandbox, &server.url(), &rejecting.url());
    let mut telemprobd = start(&sandbox, "telemprobd");
    let mut telempostd = start(&sandbox, "telempostd");
    let attackers = [OWNER, IDS.start, IDS.start + 1, IDS.start + 2, 2_600_000];
    for (uid, command) in [(IDS.start + 3, "noise 3"), (IDS.start + 4, "slow 20"), (2_600_001, "silent 60")] {
        // They go on until the test ends.
        Box::leak(Box::new(Stranger::start_as(uid, &sandbox))).order(command);
    }
    let is_over = AtomicBool::new(false);
    let mut seeds = Dice::new();
    let (attacks, sent): (usize, Vec<_>) = thread::scope(|scope| {
        let attacks = attackers.map(|uid| {
            let (attacker, dice) = (Stranger::start_as(uid, &sandbox), Dice::from_seed(seeds.bits()));
            let (field, is_over) = (&field, &is_over);
            scope.spawn(move || attack(attacker, uid, field, dice, is_over))
        });
        let victims = VICTIMS.map(|uid| {
            let (victim, is_over) = (Stranger::start_as(uid, &sandbox), &is_over);
            scope.spawn(move || send(victim, uid, is_over))
        });
        thread::sleep(short_or_full(Duration::from_secs(10), Duration::from_secs(600)));
        is_over.store(true, Ordering::Relaxed);
        let sent = victims.map(|victim| victim.join().unwrap());
        (attacks.map(|attacks| attacks.join().unwrap()).iter().sum(), sent.into())
    });
    for ((stored, slowest), uid) in sent.iter().zip(VICTIMS) {
        println!("user {uid}: {} records beside {attacks} attacks; slowest answer {slowest:?}", stored.len());
        assert!(*slowest < A_SECOND, "{uid}: {slowest:?}");
        assert!(stored.len() > 20, "{uid}");
    }
    check_alive(&mut telemprobd);
    check_alive(&mut telempostd);
    // All that was stored arrives, and once.
    let arrived = || {
        let mut counts = BTreeMap::new();
        let texts = server.requests().into_iter().map(|request| request.text().trim().to_owned());
        texts
            .filter(|text| text.starts_with("victim "))
            .for_each(|text| *counts.entry(text).or_insert(0) += 1);
        counts
    };
    let stored: Vec<_> = sent.into_iter().flat_map(|(stored, _)| stored).collect();
    until_drained("records of victims", || {
        thread::sleep(Duration::from_millis(20));
        let arrived = arrived();
        stored.iter().filter(|payload| !arrived.contains_key(*payload)).count()
    });
    assert!(arrived().values().all(|count| *count == 1), "{:?}", arrived());
    telemprobd.stop();
    telempostd.stop();
}
