use super::*;
use crate::limits::RECORDS_PER_FILE;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::message::Message;

fn message(payload: &str) -> Message {
    Message {
        config: None,
        headers: HeaderBlock::from_values(Header::ALL.map(Header::name)),
        payload: payload.to_owned(),
    }
}

fn spool() -> (tempfile::TempDir, Writer) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Writer::open_or_create(&dir.path().join("a/spool")).unwrap();
    (dir, spool)
}

fn payloads(spool: &SpoolDir, name: &str) -> Vec<String> {
    let name = OsStr::new(name);
    let decoded = file::decode(name, &spool.read(name).unwrap());
    assert_eq!(decoded.damage, None);
    decoded.records.into_iter().map(|record| record.message.payload).collect()
}

#[test]
fn what_is_stored_is_found_whole_and_private() {
    let (_dir, spool) = spool();
    for durability in [Durability::Synced, Durability::Atomic] {
        let one = spool.store(1000, &[&message("1")], durability).unwrap();
        let two = spool.store(1000, &[&message("2"), &message("3")], durability).unwrap();
        assert_eq!(payloads(&spool, &one.name), ["1"]);
        assert_eq!(payloads(&spool, &two.name), ["2", "3"]);
        let metadata = fs::metadata(spool.path().join(&one.name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(metadata.len(), one.bytes as u64);
    }
    assert_eq!(fs::metadata(spool.path()).unwrap().permissions().mode() & 0o777, 0o750);
    let entries = spool.entries().unwrap();
    assert_eq!(entries.len(), 4);
    assert!(entries.iter().all(|entry| entry.is_record && entry.disk_bytes > 0));
}

#[test]
fn no_or_too_many_records_are_refused() {
    let (_dir, spool) = spool();
    assert!(spool.store(0, &[], Durability::Atomic).is_err());
    assert!(spool.store(0, &vec![&message("x"); RECORDS_PER_FILE + 1], Durability::Atomic).is_err());
    assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
}

#[test]
fn strangers_in_the_spool_are_no_records() {
    let (_dir, spool) = spool();
    fs::create_dir(spool.path().join("directory")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", spool.path().join("link")).unwrap();
    fs::write(spool.path().join(".hidden"), "").unwrap();
    assert_eq!(spool.entries().unwrap().len(), 2);
    assert!(spool.entries().unwrap().iter().all(|entry| !entry.is_record));
    assert!(spool.read(OsStr::new("link")).is_err());
}

#[test]
fn a_file_too_large_to_be_a_record_is_not_read() {
    let (_dir, spool) = spool();
    let file = File::create(spool.path().join("large")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(spool.read(OsStr::new("large")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn what_is_left_of_a_batch_keeps_ids_and_age() {
    let (_dir, spool) = spool();
    let stored = spool.store(0, &[&message("1"), &message("2"), &message("3")], Durability::Atomic).unwrap();
    let name = OsStr::new(&stored.name);
    let modified_ns = spool.entry(name).unwrap().modified_ns - 5_000_000_000;
    let before = file::decode(name, &spool.read(name).unwrap()).records;
    Reader::open(spool.path()).unwrap().keep_only(name, &before[1..], modified_ns).unwrap();
    let after = file::decode(name, &spool.read(name).unwrap()).records;
    assert_eq!(after, before[1..]);
    assert_eq!(spool.entry(name).unwrap().modified_ns, modified_ns);
}

#[test]
fn the_unfinished_is_swept_and_the_damaged_set_aside() {
    let (_dir, spool) = spool();
    fs::write(spool.path().join(".new-abc"), "half").unwrap();
    fs::write(spool.path().join("damaged"), "").unwrap();
    assert_eq!(spool.sweep_unfinished().unwrap(), 1);
    let spool = Reader::open(spool.path()).unwrap();
    spool.set_aside(OsStr::new("damaged"), DAMAGED_DIR).unwrap();
    assert!(spool.path().join(DAMAGED_DIR).join("damaged").exists());
    assert_eq!(spool.entries().unwrap(), []);
    spool.remove(OsStr::new("gone")).unwrap();
}

#[test]
fn of_what_is_set_aside_the_newest_stay() {
    let (_dir, spool) = spool();
    let spool = Reader::open(spool.path()).unwrap();
    spool.keep_newest(DAMAGED_DIR, 2).unwrap();
    for n in 0..5_u64 {
        let path = spool.path().join(n.to_string());
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 - n);
        File::create(&path).unwrap().set_modified(time).unwrap();
        spool.set_aside(OsStr::new(&n.to_string()), DAMAGED_DIR).unwrap();
    }
    spool.keep_newest(DAMAGED_DIR, 2).unwrap();
    let kept = fs::read_dir(spool.path().join(DAMAGED_DIR)).unwrap();
    let mut kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["0", "1"]);
}
