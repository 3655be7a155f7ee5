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
    RecordStore::open(&Settings::load(Some(&file)).unwrap(), None, Instant::now()).unwrap()
}

fn ready(sender: u32) -> Admitted {
    let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
    let message = Message { config: None, headers, payload: "x".to_owned() };
    Admitted { sender, is_limited: sender != 0, message }
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

#[test]
fn a_full_spool_and_a_full_share_refuse_and_recover() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), "spool_max_size=40\nuser_spool_share=50\n");
    let mut stored = 0;
    let refusal = loop {
        match store.commit(vec![ready(1000)], Instant::now()).remove(0) {
            Ok(()) => stored += 1,
            Err(refusal) => break refusal,
        }
    };
    // Half of 40 KiB is a little less than five blocks.
    assert_eq!((refusal, stored), (Refusal::UserShare, 4));
    for _ in 0..6 {
        assert_eq!(store.commit(vec![ready(0)], Instant::now()), [Ok(())]);
    }
    assert_eq!(store.commit(vec![ready(0)], Instant::now()), [Err(Refusal::SpoolFull)]);
    let name = store.spool.writer.entries().unwrap().remove(0).name;
    std::fs::remove_file(store.spool.path().join(&name)).unwrap();
    assert_eq!(store.commit(vec![ready(0)], Instant::now()), [Ok(())]);
    let disk_bytes: u64 = store.spool.writer.entries().unwrap().iter().map(|entry| entry.disk_bytes).sum();
    assert!(disk_bytes <= 40 * 1024, "{disk_bytes}");
}
