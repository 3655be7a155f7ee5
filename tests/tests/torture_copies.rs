//! What moves to a copy's folder survives kills, a full disk and power cuts: the copy gets every record that the list got.

use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use system_tests::torture::{Dice, LoopFs, short_or_full};
use telemetry_store::spool::copies::{CopyFolder, folders};
use telemetry_store::spool::{DAMAGED_DIR, Durability, SpoolDir, Writer, file};
use test_harness::server::{Reply, Request, Server};
use test_harness::{Sandbox, directory, until, waiting};

/// A kill or a cut comes within this time of the moment at which there is work.
const MOMENT: Duration = Duration::from_millis(60);

fn keys(server: &Server) -> BTreeSet<String> {
    server.requests().iter().map(Request::key).collect()
}

fn accepting_at(address: SocketAddr) -> Server {
    Server::start_at(address, |_, _| Reply::Status(201))
}

fn set_up(list: &Server, copy: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("server", list.url()).set("server_copy", copy).set("rate_limit_enabled", "false");
    sandbox.set("server_copy_max_size", -1).set("spool_max_size", -1);
    sandbox
}

/// The ids of all records in a folder, of which nothing may be damaged.
fn ids(folder: &SpoolDir) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for entry in folder.entries().unwrap() {
        let bytes = match folder.read(&entry.name) {
            // Taken since.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            bytes => bytes.unwrap(),
        };
        let decoded = file::decode(&entry.name, &bytes);
        assert_eq!(decoded.damage, None, "{}", entry.name.display());
        ids.extend(decoded.records.into_iter().map(|record| record.id.to_string()));
    }
    ids
}

/// What only a copy has still to get.
fn behind(spool: &Path) -> BTreeSet<String> {
    let spool = SpoolDir::open(spool).unwrap();
    let open = |name: std::ffi::OsString| CopyFolder::open(&spool, name.to_str().unwrap()).unwrap();
    folders(&spool).unwrap().into_iter().filter_map(open).flat_map(|folder| ids(&folder)).collect()
}

#[test]
fn a_copy_that_comes_and_goes_has_every_record_however_often_telempostd_is_killed() {
    let list = Server::accepting();
    let (url, address) = {
        let server = Server::accepting();
        (server.url(), server.address())
    };
    let sandbox = set_up(&list, &url);
    let (mut copy, mut at_copy) = (None, BTreeSet::new());
    let mut dice = Dice::new();
    let mut telempostd = sandbox.start("telempostd");
    let rounds = short_or_full(15, 200);
    for round in 0..rounds {
        if dice.below(3) == 0 {
            copy = match copy {
                None => Some(accepting_at(address)),
                Some(server) => {
                    at_copy.extend(keys(&server));
                    None
                }
            };
        }
        waiting::put_these(&sandbox, (round * 200..(round + 1) * 200).map(waiting::payload).collect());
        let before = list.requests().len();
        until("a record at the list", || (list.requests().len() > before).then_some(()));
        dice.moment(MOMENT);
        telempostd.signal(Signal::SIGKILL);
        telempostd.wait();
        telempostd = sandbox.start("telempostd");
    }
    let copy = copy.unwrap_or_else(|| accepting_at(address));
    sandbox.wait_until_empty();
    until("all at the copy", || behind(&sandbox.spool_dir()).is_empty().then_some(()));
    let log = telempostd.stop();
    at_copy.extend(keys(&copy));
    assert_eq!(keys(&list).len(), rounds * 200, "{log}");
    assert_eq!(at_copy, keys(&list));
    assert!(directory::names(&sandbox.spool_dir().join(DAMAGED_DIR)).is_empty());
}

#[test]
fn on_a_full_disk_the_list_goes_on_and_a_copy_gets_all_once_there_is_room() {
    let list = Server::accepting();
    let (url, address) = {
        let server = Server::accepting();
        (server.url(), server.address())
    };
    let mut sandbox = set_up(&list, &url);
    let Some(disk) = LoopFs::format(&sandbox.path(""), "disk", 8) else { return };
    let spool = disk.path().join("spool");
    sandbox.set("spool_dir", spool.display());
    let writer = Writer::open_or_create(&spool).unwrap();
    let record = telemetry::Record::new(1, "org.example/torture/full", 1).unwrap();
    let message = |n: usize| telemetry_record::message::Message {
        config: None,
        headers: record.headers().clone(),
        payload: waiting::payload(n),
    };
    let count = 2000;
    let messages: Vec<_> = (0..count).map(message).collect();
    for file in messages.chunks(20) {
        writer.store(0, &file.iter().collect::<Vec<_>>(), Durability::Synced).unwrap();
    }
    // Every block is taken: not even the folder can be made.
    let full = disk.path().join("full");
    let mut file = fs::File::create(&full).unwrap();
    while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
    let mut telempostd = sandbox.start("telempostd");
    until("all at the list", || (keys(&list).len() == count).then_some(()));
    telempostd.wait_for_log("cannot be kept in .copy");
    let stored =
        ids(&SpoolDir::open(&spool).unwrap()).union(&behind(&spool)).cloned().collect::<BTreeSet<_>>();
    assert_eq!(stored, keys(&list), "nothing is lost");
    fs::remove_file(&full).unwrap();
    drop(file);
    // It is tried again before long, without a scan of the spool being due.
    until("an empty spool", || SpoolDir::open(&spool).unwrap().entries().unwrap().is_empty().then_some(()));
    assert_eq!(behind(&spool), keys(&list));
    let copy = accepting_at(address);
    until("all at the copy", || (keys(&copy).len() == count).then_some(()));
    telempostd.stop();
    assert_eq!((keys(&copy), list.requests().len()), (keys(&list), count));
}

#[test]
fn after_a_power_cut_each_record_is_in_the_spool_or_in_the_folder() {
    for _ in 0..short_or_full(1, 10) {
        if !cut_power() {
            return;
        }
    }
}

fn cut_power() -> bool {
    let list = Server::accepting();
    let url = Server::accepting().url();
    let mut sandbox = set_up(&list, &url);
    let Some(disk) = LoopFs::format(&sandbox.path(""), "disk", 64) else { return false };
    let spool = disk.path().join("spool");
    sandbox.set("spool_dir", spool.display());
    let mut telempostd = sandbox.start("telempostd");
    until("a spool", || spool.is_dir().then_some(()));
    let writer = Writer::open_or_create(&spool).unwrap();
    let record = telemetry::Record::new(1, "org.example/torture/cut", 1).unwrap();
    let message = telemetry_record::message::Message {
        config: None,
        headers: record.headers().clone(),
        payload: "x".to_owned(),
    };
    let (mut dice, mut stored, mut moved) = (Dice::new(), 0, 0);
    for _ in 0..8 {
        for _ in 0..10 {
            writer.store(0, &[&message; 20], Durability::Synced).unwrap();
            stored += 20;
        }
        dice.moment(MOMENT);
        let image = disk.power_cut_of(&telempostd);
        let after = LoopFs::after_cut(&image, &sandbox.path(""));
        let spool = after.path().join("spool");
        assert!(!spool.join(DAMAGED_DIR).exists());
        let behind = behind(&spool);
        moved = moved.max(behind.len());
        let all: BTreeSet<_> = ids(&SpoolDir::open(&spool).unwrap()).union(&behind).cloned().collect();
        assert_eq!(all.len(), stored);
    }
    assert!(moved > 0);
    telempostd.stop();
    true
}
