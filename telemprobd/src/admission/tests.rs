use super::*;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use telemetry_record::header::HeaderBlock;
use telemetry_store::shares::Accounts;

const USER: u32 = 1000;
const BLOCK: u64 = 4096;

fn moment(is_opted_in: bool, since_boot_secs: u64) -> Moment {
    Moment { now: Instant::now(), since_boot_secs, is_opted_in }
}

fn admission(max_connections: u64, records_per_minute: u64) -> Admission {
    let limits = UserLimits {
        max_connections: Some(max_connections),
        records_per_minute: Some(records_per_minute),
        spool_bytes: None,
    };
    Admission::new(limits, Rc::new(Accounts::new(990)))
}

fn message(class: &str, severity: &str, config: Option<&Path>) -> Vec<u8> {
    let mut headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
    headers.set(Header::Classification, class);
    headers.set(Header::Severity, severity);
    wire::encode(config, &headers, "x").unwrap()
}

/// Puts right what was refused.
type Mend = fn(&mut Sender);

/// A sender for whom nothing is as it should be, until it is mended.
struct Sender {
    admission: Admission,
    is_opted_in: bool,
    since_boot_secs: u64,
    secs_between_tries: u64,
    peer: Result<u32, Errno>,
    held: Vec<Permit>,
    bytes: Result<Vec<u8>, WireError>,
    config: PathBuf,
    quota: SpoolQuota,
    free_bytes: u64,
}

impl Sender {
    fn new(dir: &Path) -> Self {
        let mut admission = admission(1, 1);
        let now = moment(true, 0);
        let held = vec![admission.connection(Ok(USER), &now).unwrap()];
        admission.message(USER, Ok(&message("a/b/c", "1", None)), &now).unwrap();
        let mut quota = SpoolQuota::new(Some(2 * BLOCK), Some(BLOCK), Rc::default(), &[]);
        for name in [format!("{:032x}.{USER}", 1), "of-root".to_owned()] {
            quota.added(OsStr::new(&name), BLOCK);
        }
        Self {
            admission,
            is_opted_in: false,
            since_boot_secs: 0,
            secs_between_tries: 0,
            peer: Err(Errno::EIO),
            held,
            bytes: Err(WireError::TooLarge),
            config: dir.join("t.conf"),
            quota,
            free_bytes: 0,
        }
    }

    /// Connects, sends, and has it stored.
    fn try_to_send(&mut self) -> Result<(), Refusal> {
        self.since_boot_secs += self.secs_between_tries;
        let moment = moment(self.is_opted_in, self.since_boot_secs);
        let permit = self.admission.connection(self.peer, &moment)?;
        let bytes = self.bytes.as_deref().map_err(WireError::clone);
        let record = self.admission.message(permit.uid(), bytes, &moment)?;
        configuration(&record, &SenderConfig::new(Err(std::io::Error::from(Errno::ENOENT).into())))?;
        storage(&[record], self.is_opted_in, &self.quota, self.free_bytes).remove(0)
    }
}

#[test]
fn the_reasons_have_one_order_the_cheapest_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut sender = Sender::new(dir.path());
    let mends: [(Refusal, Mend); 11] = [
        (Refusal::NotOptedIn, |sender| sender.is_opted_in = true),
        (Refusal::PeerCredentials(Errno::EIO), |sender| sender.peer = Ok(USER)),
        (Refusal::UserConnections, |sender| sender.held.clear()),
        (Refusal::UserRate, |sender| sender.secs_between_tries = 61),
        (Refusal::Wire(WireError::TooLarge), |sender| sender.bytes = Ok(b"\x0c\0\0\0noise...".to_vec())),
        (Refusal::Wire(WireError::Sizes), |sender| {
            sender.bytes = Ok(message("not/three", "1", Some(&sender.config)));
        }),
        (Refusal::Content, |sender| sender.bytes = Ok(message("a/b/c", "1", Some(&sender.config)))),
        (Refusal::Configuration(Errno::ENOENT), |sender| {
            sender.bytes = Ok(message("a/b/c", "1", None));
        }),
        (Refusal::SpoolFull, |sender| sender.quota.removed(OsStr::new("of-root"))),
        (Refusal::UserShare, |sender| sender.quota.removed(OsStr::new(&format!("{:032x}.{USER}", 1)))),
        (Refusal::DiskFull, |sender| sender.free_bytes = BLOCK),
    ];
    for (refusal, mend) in mends {
        assert_eq!(sender.try_to_send(), Err(refusal.clone()));
        assert_eq!(sender.try_to_send(), Err(refusal), "again");
        mend(&mut sender);
    }
    assert_eq!(sender.try_to_send(), Ok(()));
}

#[test]
fn consent_is_asked_for_at_every_stage() {
    let mut admission = admission(9, 9);
    let withdrawn = moment(false, 0);
    let record = admission.message(USER, Ok(&message("a/b/c", "1", None)), &moment(true, 0)).unwrap();
    assert_eq!(admission.connection(Ok(USER), &withdrawn).unwrap_err(), Refusal::NotOptedIn);
    let bytes = message("a/b/c", "1", None);
    assert_eq!(admission.message(USER, Ok(&bytes), &withdrawn).unwrap_err(), Refusal::NotOptedIn);
    let quota = SpoolQuota::new(None, None, Rc::default(), &[]);
    assert_eq!(storage(&[record], false, &quota, u64::MAX), [Err(Refusal::NotOptedIn)]);
}

#[test]
fn noise_counts_as_much_as_records_do() {
    let mut admission = admission(9, 3);
    let now = moment(true, 0);
    for _ in 0..3 {
        let refusal = admission.message(USER, Err(WireError::Sizes), &now).unwrap_err();
        assert_eq!(refusal, Refusal::Wire(WireError::Sizes));
    }
    let bytes = message("a/b/c", "1", None);
    assert_eq!(admission.message(USER, Ok(&bytes), &now).unwrap_err(), Refusal::UserRate);
    assert!(admission.message(USER + 1, Ok(&bytes), &now).is_ok());
}

#[test]
fn classification_and_severity_have_rules() {
    let mut admission = admission(9, 99);
    let mut verdict = |class, severity| {
        let bytes = message(class, severity, None);
        admission.message(USER, Ok(&bytes), &moment(true, 0)).map(|admitted| admitted.sender)
    };
    assert_eq!(verdict("a/b/c", "4"), Ok(USER));
    for (class, severity) in [("a/b", "1"), ("a/b/c", "0"), ("a/b/c", "5"), ("a/b/c", "")] {
        assert_eq!(verdict(class, severity), Err(Refusal::Content), "{class} {severity}");
    }
}

#[test]
fn one_commit_cannot_take_the_same_room_twice() {
    let mut admission = admission(9, 99);
    let bytes = message("a/b/c", "1", None);
    let records: Vec<_> =
        (0..20).map(|_| admission.message(USER, Ok(&bytes), &moment(true, 0)).unwrap()).collect();
    let quota = SpoolQuota::new(None, None, Rc::default(), &[]);
    let one = spool_quota::record_bytes(&records[0].message);
    let verdicts = storage(&records, true, &quota, 3 * one + 1);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 3);
    assert_eq!(verdicts.last(), Some(&Err(Refusal::DiskFull)));
}

#[test]
fn the_manual_lists_the_reasons_in_their_order() {
    let reasons = [
        Refusal::NotOptedIn,
        Refusal::PeerCredentials(Errno::EIO),
        Refusal::UserConnections,
        Refusal::ConnectionsFull,
        Refusal::Poller(Errno::EIO),
        Refusal::TimedOut,
        Refusal::UserRate,
        Refusal::Wire(WireError::TooLarge),
        Refusal::Wire(WireError::Sizes),
        Refusal::Configuration(Errno::EIO),
        Refusal::SpoolFull,
        Refusal::UserShare,
        Refusal::DiskFull,
        Refusal::Storage(Errno::ENOSPC),
        Refusal::Storage(Errno::ENOENT),
        Refusal::Storage(Errno::EIO),
    ]
    .map(|refusal| refusal.reason());
    let manual = include_str!("../../../docs/man/telemprobd.1");
    let listed: Vec<_> =
        manual.lines().filter_map(|line| Some(line.strip_prefix(".It Li ")?.split_once(" Ta ")?.0)).collect();
    assert_eq!(listed, reasons);
}
