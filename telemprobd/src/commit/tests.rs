use super::*;
use std::path::Path;
use telemetry_record::header::HeaderBlock;

fn open(dir: &Path, more: &str) -> RecordStore {
    let file = dir.join("t.conf");
    let lines: String = ["etc_dir", "spool_dir", "state_dir"]
        .map(|key| format!("{key}={}\n", dir.join(key).display()))
        .concat();
    let text = format!("[settings]\nspool_sync=false\nspool_keep_free=0\n{lines}{more}");
    std::fs::write(&file, text).unwrap();
    std::fs::create_dir_all(dir.join("etc_dir")).unwrap();
    std::fs::write(dir.join("etc_dir/opt-in"), "").unwrap();
    RecordStore::open(&Settings::load(Some(&file)).unwrap(), None, &Rc::default(), Instant::now()).unwrap()
}

fn ready(sender: u32) -> Admitted {
    let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
    let message = Message { config: None, headers, payload: "x".to_owned() };
    Admitted { sender, message }
}

#[test]
fn a_record_gets_the_machine_id_when_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "");
    assert_eq!(store.commit(vec![ready(0)], Instant::now()), [Ok(())]);
    let name = store.spool.writer.entries().unwrap().remove(0).name;
    let stored = String::from_utf8(store.spool.writer.read(&name).unwrap()).unwrap();
    assert!(stored.contains(&format!("machine_id: {}\n", store.machine_id.as_str())), "{stored}");
}

#[test]
fn nothing_is_stored_without_consent() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "");
    let records = vec![ready(0); RECORDS_PER_FILE + 1];
    std::fs::remove_file(dir.path().join("etc_dir/opt-in")).unwrap();
    assert_eq!(store.commit(records.clone(), Instant::now()), vec![Err(Refusal::NotOptedIn); records.len()]);
    assert_eq!(store.spool.writer.entries().unwrap(), []);
    std::fs::write(dir.path().join("etc_dir/opt-in"), "").unwrap();
    assert_eq!(store.commit(records.clone(), Instant::now()), vec![Ok(()); records.len()]);
    assert_eq!(store.spool.writer.entries().unwrap().len(), 2);
}

#[test]
fn each_senders_records_are_in_files_of_his_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "");
    let records = [1000, 1001, 1000, 1001, 1000].map(ready).to_vec();
    assert_eq!(store.commit(records.clone(), Instant::now()), vec![Ok(()); 5]);
    let mut senders: Vec<_> = store
        .spool
        .writer
        .entries()
        .unwrap()
        .iter()
        .map(|entry| telemetry_store::spool::sender_of(&entry.name))
        .collect();
    senders.sort_unstable();
    assert_eq!(senders, [Some(1000), Some(1001)]);
}

/// Commits a record of this user again and again until that is refused; returns how many were stored, and why no more.
fn fill(store: &mut RecordStore, user: u32) -> (usize, Refusal) {
    let mut stored = 0;
    loop {
        match store.commit(vec![ready(user)], Instant::now()).remove(0) {
            Ok(()) => stored += 1,
            Err(refusal) => return (stored, refusal),
        }
    }
}

fn disk_bytes(store: &RecordStore) -> u64 {
    store.spool.writer.entries_and_segments().unwrap().iter().map(|entry| entry.disk_bytes).sum()
}

#[test]
fn a_full_spool_and_a_full_share_refuse_and_recover() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "spool_max_size=300\nuser_spool_share=50\n");
    let (stored, refusal) = fill(&mut store, 1000);
    assert_eq!(refusal, Refusal::UserShare);
    // Half of 300 KiB is 37 blocks; a record alone takes one.
    assert!(stored >= 37 && disk_bytes(&store) <= 150 * 1024, "{stored}");
    let (stored, refusal) = fill(&mut store, 0);
    assert_eq!(refusal, Refusal::SpoolFull);
    assert!(stored >= 37 && disk_bytes(&store) <= 300 * 1024, "{stored}");
    store.close_all(Instant::now());
    assert!(disk_bytes(&store) <= 300 * 1024);
    assert_eq!(store.commit(vec![ready(0)], Instant::now()), [Err(Refusal::SpoolFull)]);
    let name = store.spool.writer.entries().unwrap().remove(0).name;
    std::fs::remove_file(store.spool.path().join(&name)).unwrap();
    assert_eq!(store.commit(vec![ready(0)], Instant::now()), [Ok(())]);
}

#[test]
fn what_is_in_segments_counts_whether_they_are_open_or_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "");
    // No time passes.
    let now = Instant::now();
    for _ in 0..100 {
        assert_eq!(store.commit(vec![ready(1000), ready(1001)], now), [Ok(()), Ok(())]);
        store.catch_up();
        assert_eq!(store.spool.quota.used(), disk_bytes(&store));
    }
    assert!(store.spool.segments.files().count() > 0);
    store.spool.recount();
    assert_eq!(store.spool.quota.used(), disk_bytes(&store), "as after a queue of events that ran over");
    store.close_all(Instant::now());
    store.catch_up();
    assert_eq!(store.spool.quota.used(), disk_bytes(&store));
    // A file each for the first ones, then 64 in a segment.
    assert_eq!(store.spool.writer.entries().unwrap().len(), 2 * (1 + 99_usize.div_ceil(RECORDS_PER_FILE)));
    for entry in store.spool.writer.entries().unwrap() {
        std::fs::remove_file(store.spool.path().join(&entry.name)).unwrap();
    }
    store.catch_up();
    assert_eq!(store.spool.quota.used(), 0);
}

#[test]
fn segments_of_a_killed_daemon_are_closed_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "");
    let now = Instant::now();
    for _ in 0..10 {
        assert_eq!(store.commit(vec![ready(1000)], now), [Ok(())]);
    }
    let spool = dir.path().join("spool_dir");
    // What is there now is what a kill would leave.
    let kept = dir.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    for entry in std::fs::read_dir(&spool).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), kept.join(entry.file_name())).unwrap();
    }
    drop(store);
    std::fs::remove_dir_all(&spool).unwrap();
    std::fs::rename(&kept, &spool).unwrap();
    let store = open(dir.path(), "");
    let entries = store.spool.writer.entries().unwrap();
    let records = |entry: &telemetry_store::spool::SpoolEntry| {
        let bytes = store.spool.writer.read(&entry.name).unwrap();
        telemetry_store::spool::file::decode(&entry.name, &bytes).records.len()
    };
    assert_eq!(entries.iter().map(records).sum::<usize>(), 10);
    assert_eq!(store.spool.quota.used(), disk_bytes(&store));
    let hidden = std::fs::read_dir(&spool).unwrap().count() - entries.len();
    assert_eq!(hidden, 2, "the lock and the clock");
}
