//! telempostd goes on from what telempostd left: spool, rejected records, delivery log, state of delivery.

use crate::counters::{add, pretty};
use crate::expected::assert_expected;
use crate::inheritance::{Inheritance, stdout};
use crate::normal::normal;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use test_harness::directory::names;
use test_harness::{Collector, Sandbox, frame, until};

/// Records that wait in the spool that d48c008 left: one of each form, and three in the batch.
const WAITING: u64 = 6;

/// Records that the server rejected, and whose configuration was gone.
const REJECTED: usize = 4;

/// Starts a collector, gives records with a configuration of their own the sandbox's, and delivers until the spool is
/// empty. Returns what the collector has.
pub(crate) fn deliver(sandbox: &mut Sandbox) -> Vec<Value> {
    let collector = Collector::start(sandbox, "/v2/collector");
    let config = fs::read_to_string(sandbox.config()).unwrap();
    for name in ["own.conf", "gone.conf"] {
        sandbox.write(name, &config);
    }
    let mut telempostd = sandbox.start("telempostd");
    until("an empty spool", || {
        names(&sandbox.spool_dir()).iter().all(|name| name.starts_with('.')).then_some(())
    });
    telempostd.stop();
    collected(sandbox, collector)
}

/// Names of the collector's columns that were others when the golden files were made.
const RENAMED: [(&str, &str); 2] = [("ts_capture", "captured_secs"), ("machine_type", "host_type")];

/// What the collector itself adds.
const ITS_OWN: [&str; 7] = ["id", "ts_reception", "key_digest", "variant", "group_id", "version", "guilty"];

/// The rows of the collector's database by their idempotency keys, without what the collector itself adds. It keeps a
/// digest of each key; which key that is says the delivery log.
fn collected(sandbox: &Sandbox, mut collector: Collector) -> Vec<Value> {
    collector.process.stop();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let database = Connection::open_with_flags(sandbox.path("collector.db"), flags).unwrap();
    let mut query = database
        .prepare(
            "SELECT records.*, lower(hex(key)) AS key_digest FROM records LEFT JOIN idempotency USING (id)",
        )
        .unwrap();
    let columns: Vec<_> = query.column_names().into_iter().map(str::to_owned).collect();
    let keys = delivered_keys(sandbox);
    let rows = query.query_map((), |row| {
        let mut record = Map::new();
        for (number, column) in columns.iter().enumerate() {
            if ITS_OWN.contains(&column.as_str()) {
                continue;
            }
            let value = match row.get_ref(number)? {
                ValueRef::Integer(number) => Value::from(number),
                ValueRef::Text(text) => Value::from(String::from_utf8(text.to_vec()).unwrap()),
                other => panic!("{column}: {other:?}"),
            };
            let name =
                RENAMED.iter().find(|(now, _)| now == column).map_or(column.as_str(), |(_, then)| then);
            record.insert(name.to_owned(), value);
        }
        let digest: String = row.get("key_digest")?;
        record
            .insert("idempotency_key".to_owned(), Value::from(keys.get(&digest).cloned().unwrap_or(digest)));
        Ok(Value::Object(record))
    });
    let mut rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    rows.sort_by(|a, b| a["idempotency_key"].as_str().cmp(&b["idempotency_key"].as_str()));
    rows
}

/// The ids of the records that the delivery log has, by the digests that the collector keeps.
fn delivered_keys(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let log = fs::read_to_string(sandbox.path("log/journal")).unwrap_or_default();
    let ids = log.lines().filter_map(|line| line.split('\u{1e}').next());
    let digest = |id: &str| Sha256::digest(id).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    ids.map(|id| (digest(id), id.to_owned())).collect()
}

#[test]
fn records_of_every_form_of_spool_file_arrive_once_under_their_ids() {
    let mut machine = Inheritance::new(Duration::ZERO, &["state", "spool", "log", "run", "own.conf"]);
    machine.sandbox.set("record_retention_enabled", "true");
    let mut counters = machine.json("state/telempostd.counters.json");
    let last_error = machine.json("state/delivery.json")["last_error"].take();
    let log = machine.read("log/journal");
    let rejected = names(&machine.sandbox.path("spool/.rejected"));
    let collected = deliver(&mut machine.sandbox);
    assert_expected("collected.json", &pretty(&Value::Array(collected)));

    add(&mut counters, "delivered", "", WAITING);
    assert_eq!(machine.read("state/telempostd.counters.json"), pretty(&counters));
    assert_eq!(machine.json("state/delivery.json")["last_error"], last_error);
    let delivery = normal(&machine.read("state/delivery.json"), &machine.sandbox);
    assert_expected("state/delivery.json", &delivery);
    assert_eq!(names(&machine.sandbox.path("spool/.rejected")), rejected);
    assert_eq!(names(&machine.sandbox.path("spool/.damaged")), ["fDmG01"]);

    let lines = machine.read("log/journal");
    let new = lines.strip_prefix(&log).unwrap();
    // Records leave side by side.
    let mut new: Vec<_> = new.lines().collect();
    new.sort_unstable();
    let mut text = normal(&(log + &new.join("\n")), &machine.sandbox).replace('\u{1e}', " RS ");
    for name in names(&machine.sandbox.path("log/records")) {
        text.push_str(&format!("\n--- records/{name}\n{}", machine.read(&format!("log/records/{name}"))));
    }
    assert_expected("delivery_log.txt", &text);
}

#[test]
fn rejected_records_are_sent_again_under_their_ids() {
    let mut machine = Inheritance::new(Duration::ZERO, &["spool/.rejected", "state"]);
    let ids: Vec<_> = names(&machine.sandbox.path("spool/.rejected"));
    let ids: Vec<_> = ids.iter().filter(|name| !name.ends_with(".answer")).collect();
    assert_eq!(ids.len(), REJECTED);
    let said = stdout(machine.telemctl("telemctl", &["rejected", "retry", "--all"]));
    assert_expected("rejected_retried.txt", &said);
    let collected = deliver(&mut machine.sandbox);
    let keys: Vec<_> = collected.iter().map(|record| record["idempotency_key"].as_str().unwrap()).collect();
    assert_eq!(keys, ids);
    assert_expected("collected_of_rejected.json", &pretty(&Value::Array(collected)));
    assert_eq!(names(&machine.sandbox.path("spool/.rejected")), [""; 0]);
}

#[test]
fn the_delivery_log_loses_its_oldest_entries_and_their_payloads() {
    let mut machine = Inheritance::new(Duration::ZERO, &["state", "log"]);
    let old = machine.read("log/journal").lines().count();
    assert_eq!(names(&machine.sandbox.path("log/records")).len(), old);
    machine.sandbox.set("record_retention_enabled", "true");
    fs::create_dir(machine.sandbox.spool_dir()).unwrap();
    // 150 entries stay; one more leaves the newest 100.
    for number in old..151 {
        let record = format!("{}{number}\n\n", frame::header_lines("org.example/golden/many"));
        machine.sandbox.write(&format!("spool/f{number:05}"), &record);
    }
    assert_eq!(deliver(&mut machine.sandbox).len(), 151 - old);
    let lines = machine.read("log/journal");
    assert_eq!((lines.lines().count(), lines.contains("org.example/golden/plain")), (100, false));
    let mut listed: Vec<_> = lines.lines().map(|line| line.split('\u{1e}').next().unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(names(&machine.sandbox.path("log/records")), listed);
}
