use super::*;
use crate::limits::{RECORDS_PER_FILE, SEGMENT_BYTES};
use crate::spool::{Durability, Segment, StoredRecord, Writer};
use proptest::prelude::*;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::message::Message;

const USER: u32 = 1000;

fn message(payload: &str) -> Message {
    let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
    Message { config: None, headers, payload: payload.to_owned() }
}

fn spool() -> (tempfile::TempDir, Writer) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Writer::open_or_create(&dir.path().join("spool")).unwrap();
    (dir, spool)
}

fn spare(spool: &Writer) -> Segment {
    Segment::make_spares(spool, 1, Durability::Synced).unwrap().remove(0)
}

/// A segment with these records, appended two at a time, whose writer is gone: its name and bytes.
fn abandoned(spool: &Writer, payloads: &[&str]) -> (OsString, Vec<u8>) {
    let mut segment = spare(spool);
    let messages: Vec<_> = payloads.iter().map(|payload| message(payload)).collect();
    for chunk in messages.chunks(2) {
        segment.append(USER, &chunk.iter().collect::<Vec<_>>(), Durability::Synced).unwrap();
    }
    let name = spool.names(is_segment).unwrap().remove(0);
    let bytes = spool.read(&name).unwrap();
    (name, bytes)
}

fn records(spool: &SpoolDir, name: &OsStr) -> Vec<StoredRecord> {
    let decoded = file::decode(name, &spool.read(name).unwrap());
    assert_eq!(decoded.damage, None);
    decoded.records
}

fn payloads(spool: &SpoolDir, name: &OsStr) -> Vec<String> {
    records(spool, name).into_iter().map(|record| record.message.payload).collect()
}

/// What was done with the segments for which there was something to do.
fn recover_each(spool: &SpoolDir) -> Vec<Recovery> {
    let mut done = Vec::new();
    recover_all(spool, |_, recovery| done.push(recovery.unwrap())).unwrap();
    done.retain(|recovery| *recovery != Recovery::LeftAlone);
    done
}

#[test]
fn a_segment_is_read_while_it_is_open_and_once_it_is_closed() {
    let (_dir, spool) = spool();
    let mut segment = spare(&spool);
    assert_eq!(spool.entries_and_segments().unwrap(), [], "a spare one holds nothing");
    let mut counted = 0;
    for payload in ["1", "2", "3"] {
        let stored = segment.append(USER, &[&message(payload)], Durability::Atomic).unwrap();
        assert!(stored.disk_bytes > 0 && stored.disk_bytes >= counted);
        counted = stored.disk_bytes;
    }
    assert_eq!(spool.entries().unwrap(), []);
    let open = spool.entries_and_segments().unwrap().remove(0);
    assert!(open.is_record);
    let while_open = records(&spool, &open.name);
    assert!(while_open.iter().all(|record| record.sender == Some(USER)));
    segment.close(&spool).unwrap();
    let closed = spool.entries().unwrap().remove(0);
    assert_eq!(records(&spool, &closed.name), while_open);
    // Whoever saw it open reads it now.
    assert_eq!(
        records(&spool, &closed.name).len(),
        file::decode(&open.name, &spool.read(&open.name).unwrap()).records.len()
    );
}

#[test]
fn whose_it_is_both_name_and_first_line_say() {
    let (_dir, spool) = spool();
    let (_, bytes) = abandoned(&spool, &["1"]);
    let id = "0de9de8d5f3c6a7d445d75ba01cc3322";
    for (name, sender) in [
        (format!("{id}.{USER}"), Some(USER)),
        (format!(".seg-{id}"), Some(USER)),
        (format!("{id}.1001"), None),
        (id.to_owned(), None),
        ("aB3xY9".to_owned(), None),
    ] {
        assert_eq!(file::decode(OsStr::new(&name), &bytes).records[0].sender, sender, "{name}");
    }
}

#[test]
fn a_segment_takes_one_users_records_up_to_its_bounds() {
    let (_dir, spool) = spool();
    let mut segment = spare(&spool);
    assert!(segment.has_room(RECORDS_PER_FILE, SEGMENT_BYTES * 4), "any turn has room in an empty one");
    segment.append(USER, &[&message("1")], Durability::Atomic).unwrap();
    assert!(segment.has_room(RECORDS_PER_FILE - 1, 0) && !segment.has_room(RECORDS_PER_FILE, 0));
    assert!(!segment.has_room(1, SEGMENT_BYTES));
    segment.append(USER + 1, &[&message("2")], Durability::Atomic).unwrap_err();
    let many = vec![message("x"); RECORDS_PER_FILE];
    segment.append(USER, &many.iter().collect::<Vec<_>>(), Durability::Atomic).unwrap_err();
    segment.append(USER, &many[1..].iter().collect::<Vec<_>>(), Durability::Atomic).unwrap();
    assert!(!segment.has_room(1, 0));
    segment.close(&spool).unwrap();
    assert_eq!(payloads(&spool, &spool.entries().unwrap()[0].name).len(), RECORDS_PER_FILE);
}

#[test]
fn a_segment_that_lives_is_left_alone_and_an_empty_one_leaves_nothing() {
    let (_dir, spool) = spool();
    let mut segment = spare(&spool);
    assert_eq!(recover_each(&spool), []);
    segment.append(USER, &[&message("1")], Durability::Synced).unwrap();
    assert_eq!(recover_each(&spool), []);
    segment.close(&spool).unwrap();
    assert_eq!(spool.entries().unwrap().len(), 1);
    spare(&spool).close(&spool).unwrap();
    drop(spare(&spool));
    assert_eq!(recover_each(&spool), [Recovery::Removed]);
    assert_eq!(spool.names(is_segment).unwrap().len(), 0);
}

#[test]
fn what_a_dead_writer_left_is_closed_with_ids_and_age() {
    let (_dir, spool) = spool();
    let (name, bytes) = abandoned(&spool, &["1", "2", "3"]);
    let before = records(&spool, &name);
    let path = spool.path().join(&name);
    fs::write(&path, [bytes.as_slice(), b"#record 0123"].concat()).unwrap();
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let done = recover_each(&spool);
    let entry = spool.entries().unwrap().remove(0);
    assert_eq!(done, [Recovery::Closed(entry.name.clone())]);
    assert_eq!(records(&spool, &entry.name), before);
    assert_eq!(entry.modified_ns, 1_700_000_000_000_000_000);
    assert_eq!(recover_each(&spool), []);
}

#[test]
fn damage_in_the_middle_costs_one_record_and_noise_is_set_aside() {
    let (_dir, spool) = spool();
    let (name, mut bytes) = abandoned(&spool, &["first", "second", "third"]);
    let at = bytes.windows(6).position(|window| window == b"second").unwrap();
    bytes[at] = b'S';
    fs::write(spool.path().join(&name), &bytes).unwrap();
    let Recovery::Closed(closed) = recover(&spool, &name).unwrap() else { panic!("not closed") };
    let decoded = file::decode(&closed, &spool.read(&closed).unwrap());
    assert_eq!((decoded.records.len(), decoded.damage.is_some()), (2, true));

    for noise in [b"noise".as_slice(), b"#telemetry-records 1\nx", b"#telemetry-records 2 5\nnoise\n"] {
        let name = OsString::from(".seg-0de9de8d5f3c6a7d445d75ba01cc3322");
        fs::write(spool.path().join(&name), noise).unwrap();
        assert!(matches!(recover(&spool, &name).unwrap(), Recovery::SetAside { .. }));
        assert_eq!(fs::read(spool.path().join(".damaged/0de9de8d5f3c6a7d445d75ba01cc3322")).unwrap(), noise);
    }
}

#[test]
fn a_segment_that_was_removed_by_hand_takes_nothing_more() {
    let (_dir, spool) = spool();
    let mut segment = spare(&spool);
    segment.append(USER, &[&message("1")], Durability::Atomic).unwrap();
    fs::remove_file(spool.path().join(&spool.names(is_segment).unwrap()[0])).unwrap();
    let error = segment.append(USER, &[&message("2")], Durability::Atomic).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(!segment.has_room(1, 0));
    segment.close(&spool).unwrap_err();
}

#[test]
fn strangers_under_a_segments_name_are_left_alone() {
    let (dir, spool) = spool();
    let name = OsStr::new(".seg-0de9de8d5f3c6a7d445d75ba01cc3322");
    fs::write(dir.path().join("target"), "#telemetry-records 2 5\n").unwrap();
    std::os::unix::fs::symlink(dir.path().join("target"), spool.path().join(name)).unwrap();
    assert_eq!(recover(&spool, name).unwrap(), Recovery::LeftAlone);
    assert_eq!(fs::read(dir.path().join("target")).unwrap(), b"#telemetry-records 2 5\n");
    fs::remove_file(spool.path().join(name)).unwrap();
    fs::create_dir(spool.path().join(name)).unwrap();
    assert_eq!(recover(&spool, name).unwrap(), Recovery::LeftAlone);
    assert!(spool.path().join(name).is_dir());
    assert_eq!(recover(&spool, OsStr::new(".seg-gone")).unwrap(), Recovery::LeftAlone);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_cut_gives_the_records_before_it_and_no_damage(
        cut in 0.0_f64..=1.0,
        zeros in 0_usize..5000,
    ) {
        let (_dir, spool) = spool();
        let (name, bytes) = abandoned(&spool, &["one", "two\n#record\n", "three", "four", "five"]);
        let whole = records(&spool, &name);
        let cut = (cut * bytes.len() as f64) as usize;
        let left = [&bytes[..cut], &vec![0; zeros]].concat();
        fs::write(spool.path().join(&name), left).unwrap();
        let recovery = recover(&spool, &name).unwrap();
        let found = match recovery {
            Recovery::Closed(name) => records(&spool, &name),
            Recovery::Removed => Vec::new(),
            other => return Err(TestCaseError::fail(format!("{other:?} at {cut}"))),
        };
        prop_assert_eq!(&found, &whole[..found.len()]);
        // Each record that is whole is there.
        let ends = |record: &StoredRecord| {
            let text = file::encode_single(&record.message);
            bytes.windows(text.len()).position(|window| window == text).unwrap() + text.len()
        };
        prop_assert_eq!(found.len(), whole.iter().filter(|record| ends(record) <= cut).count());
        prop_assert!(!spool.path().join(DAMAGED_DIR).exists());
    }
}
