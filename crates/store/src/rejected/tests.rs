use super::*;
use crate::limits::REJECTED_KEPT;
use crate::spool::{REJECTED_DIR, Writer};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

const NOW: u64 = 1_522_691_281;
const REJECTION: Rejection<'_> = Rejection { server: "http://h/", status: Some(400), reason: "bad severity" };

fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

fn record(n: u8) -> StoredRecord {
    let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
    let message = Message { config: Some("/c.conf".into()), headers, payload: format!("p{n}") };
    StoredRecord { id: HexId::from_bytes([n; 16]), sender: Some(1000), message }
}

fn spool() -> (tempfile::TempDir, Writer) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Writer::open_or_create(&dir.path().join("spool")).unwrap();
    (dir, spool)
}

fn kept(spool: &SpoolDir) -> Vec<HexId> {
    let directory = RejectedDir::open(spool).unwrap().unwrap();
    directory.list().unwrap().into_iter().map(|record| record.id).collect()
}

fn names(path: &Path) -> BTreeSet<String> {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_record_is_kept_private_with_the_answer() {
    let (_dir, spool) = spool();
    assert!(RejectedDir::open(&spool).unwrap().is_none());
    RejectedWriter::default().keep(&spool, &record(7), REJECTION, at(NOW)).unwrap();
    let name = "07".repeat(16);
    let path = spool.path().join(REJECTED_DIR);
    assert_eq!(names(&path), BTreeSet::from([name.clone(), format!("{name}.answer")]));
    let answer = fs::read_to_string(path.join(format!("{name}.answer"))).unwrap();
    assert_eq!(
        answer,
        format!("time: {NOW}\nserver: http://h/\nstatus: 400\nreason: bad severity\nsender: 1000\n")
    );
    for (path, mode) in [(&path, 0o700), (&path.join(&name), 0o600)] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode);
    }
    let directory = RejectedDir::open(&spool).unwrap().unwrap();
    let found = directory.read(record(7).id).unwrap();
    let expected = RejectedRecord {
        id: record(7).id,
        unix_secs: NOW,
        server: "http://h/".to_owned(),
        status: Some(400),
        reason: "bad severity".to_owned(),
        sender: Some(1000),
        message: Some(record(7).message),
    };
    assert_eq!(found, expected);
    assert_eq!(directory.list().unwrap(), [expected]);
}

#[test]
fn a_record_goes_back_under_its_id_as_if_new() {
    let (_dir, spool) = spool();
    let mut rejected = RejectedWriter::default();
    rejected.keep(&spool, &record(7), REJECTION, at(NOW)).unwrap();
    let later = NOW + 20 * 24 * 3600;
    RejectedDir::open(&spool).unwrap().unwrap().retry(record(7).id, at(later)).unwrap();
    let name = format!("{}.1000", record(7).id);
    let entry = spool.entry(name.as_ref()).unwrap();
    assert_eq!((entry.modified_ns / 1_000_000_000, entry.is_record), (later as i64, true));
    let decoded = file::decode(name.as_ref(), &spool.read(name.as_ref()).unwrap());
    assert_eq!(decoded.records, [record(7)]);
    assert_eq!(names(&spool.path().join(REJECTED_DIR)), BTreeSet::new());
    // Rejected once more.
    rejected.keep(&spool, &record(7), REJECTION, at(later + 1)).unwrap();
    assert_eq!(kept(&spool), [record(7).id]);
}

#[test]
fn one_whose_sender_nobody_wrote_down_goes_back_as_nobodys() {
    let (_dir, spool) = spool();
    RejectedWriter::default().keep(&spool, &record(7), REJECTION, at(NOW)).unwrap();
    let id = record(7).id;
    let answer = spool.path().join(REJECTED_DIR).join(format!("{id}.answer"));
    fs::write(answer, format!("time: {NOW}\nserver: http://h/\nstatus: 400\nreason: bad severity\n"))
        .unwrap();
    RejectedDir::open(&spool).unwrap().unwrap().retry(id, at(NOW)).unwrap();
    assert!(spool.entry(id.to_string().as_ref()).unwrap().is_record);
}

#[test]
fn dropping_takes_the_answer_along() {
    let (_dir, spool) = spool();
    let mut rejected = RejectedWriter::default();
    rejected.keep(&spool, &record(1), REJECTION, at(NOW)).unwrap();
    rejected.keep(&spool, &record(2), REJECTION, at(NOW)).unwrap();
    let directory = RejectedDir::open(&spool).unwrap().unwrap();
    directory.discard(record(1).id).unwrap();
    assert_eq!(kept(&spool), [record(2).id]);
    assert_eq!(names(&spool.path().join(REJECTED_DIR)).len(), 2);
    for gone in [directory.discard(record(1).id), directory.retry(record(1).id, at(NOW))] {
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

#[test]
fn the_newest_of_whoever_has_most_are_kept_across_restarts() {
    let (_dir, spool) = spool();
    let mut of_others = Vec::new();
    for (n, sender) in [(200, Some(0)), (201, Some(1001)), (202, None)] {
        let record = StoredRecord { sender, ..record(n) };
        RejectedWriter::default().keep(&spool, &record, REJECTION, at(NOW - 1)).unwrap();
        of_others.push(record.id);
    }
    for range in [0..90, 85..120] {
        let mut rejected = RejectedWriter::default();
        for n in range {
            rejected.keep(&spool, &record(n), REJECTION, at(NOW + u64::from(n))).unwrap();
        }
    }
    // Beside those of two users.
    let places = (REJECTED_KEPT * 8 / 10) as u8 - 2;
    let expected: Vec<_> = of_others.into_iter().chain((120 - places..120).map(|n| record(n).id)).collect();
    assert_eq!(kept(&spool), expected);
    assert_eq!(names(&spool.path().join(REJECTED_DIR)).len(), 2 * expected.len());
}

#[test]
fn ids_of_one_user_are_one_who_has_most() {
    let (_dir, spool) = spool();
    let mut rejected = RejectedWriter::default();
    rejected.set_accounts(Rc::new(Accounts::from_text(
        990,
        "alice:100000:65536\n",
        "alice:x:1000:1000::/:\n",
    )));
    let innocent = StoredRecord { sender: Some(1001), ..record(250) };
    rejected.keep(&spool, &innocent, REJECTION, at(NOW)).unwrap();
    for n in 0..240 {
        let record = StoredRecord { sender: Some(100_000 + u32::from(n)), ..record(n) };
        rejected.keep(&spool, &record, REJECTION, at(NOW + 1 + u64::from(n))).unwrap();
    }
    assert!(kept(&spool).contains(&innocent.id));
}

#[test]
fn the_old_go_by_age() {
    let (_dir, spool) = spool();
    RejectedWriter::default().prune(&spool, at(NOW)).unwrap();
    for n in 0..3 {
        RejectedWriter::default().keep(&spool, &record(n), REJECTION, at(NOW + u64::from(n))).unwrap();
    }
    let end = at(NOW + 1) + KEPT_FOR;
    RejectedWriter::default().prune(&spool, end).unwrap();
    assert_eq!(kept(&spool), [record(1).id, record(2).id]);
    RejectedWriter::default().keep(&spool, &record(9), REJECTION, end + Duration::from_secs(1)).unwrap();
    assert_eq!(kept(&spool), [record(2).id, record(9).id]);
    RejectedWriter::default().prune(&spool, at(0)).unwrap();
    assert_eq!(kept(&spool).len(), 2);
}

#[test]
fn what_a_killed_process_left_is_swept_and_foreign_files_are_no_records() {
    let (dir, spool) = spool();
    RejectedWriter::default().keep(&spool, &record(1), REJECTION, at(NOW)).unwrap();
    let path = spool.path().join(REJECTED_DIR);
    let [two, three, four] = [2, 3, 4].map(|n| record(n).id.to_string());
    fs::write(path.join(format!(".{two}")), "half").unwrap();
    fs::write(path.join(format!("{three}.answer")), "time: 1\n").unwrap();
    fs::write(dir.path().join("secret"), "s").unwrap();
    symlink(dir.path().join("secret"), path.join(&four)).unwrap();
    fs::write(path.join("notes"), "mine").unwrap();
    RejectedWriter::default().prune(&spool, at(NOW)).unwrap();
    let one = record(1).id.to_string();
    assert_eq!(names(&path), BTreeSet::from([format!("{one}.answer"), one, four, "notes".to_owned()]));
    assert_eq!(kept(&spool), [record(1).id]);
    assert!(RejectedDir::open(&spool).unwrap().unwrap().read(record(4).id).is_err());
}

#[test]
fn a_damaged_record_is_listed_and_not_sent_again() {
    let (_dir, spool) = spool();
    RejectedWriter::default().keep(&spool, &record(1), REJECTION, at(NOW)).unwrap();
    let path = spool.path().join(REJECTED_DIR).join(record(1).id.to_string());
    fs::write(&path, [0; 40]).unwrap();
    fs::remove_file(path.with_extension("answer")).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(at(NOW)).unwrap();
    let directory = RejectedDir::open(&spool).unwrap().unwrap();
    let found = directory.read(record(1).id).unwrap();
    assert_eq!(
        (found.message, found.unix_secs, found.status, found.reason),
        (None, NOW, None, String::new())
    );
    assert_eq!(directory.retry(record(1).id, at(NOW)).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert!(path.exists());
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(directory.list().unwrap().len(), 1);
    directory.discard(record(1).id).unwrap();
    assert_eq!(kept(&spool), []);
}

#[test]
fn a_link_instead_of_the_directory_is_not_followed() {
    let (dir, spool) = spool();
    symlink(dir.path(), spool.path().join(REJECTED_DIR)).unwrap();
    assert!(RejectedDir::open(&spool).is_err());
    assert!(RejectedWriter::default().keep(&spool, &record(1), REJECTION, at(NOW)).is_err());
}
