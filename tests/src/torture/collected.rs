//! What the collector has, from its database: its interface does not show the idempotency keys.

use super::Kept;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use test_harness::{Collector, Sandbox};

const RECORDS: &str = "SELECT lower(hex(key)), payload FROM records LEFT JOIN idempotency USING (id)";

/// Number of records so far: the id of the newest, since nothing is purged.
///
/// # Panics
/// The collector does not answer as it should.
pub fn count(collector: &Collector) -> usize {
    let url = format!("{}/api/records?limit=1", collector.url);
    let answer: Value = ureq::get(url).call().unwrap().body_mut().read_json().unwrap();
    answer["records"][0]["id"].as_u64().unwrap_or(0).try_into().unwrap()
}

/// All records, each of which must have come with a key. Stops the collector.
///
/// # Panics
/// The database cannot be read, or a key is missing.
pub fn collected(sandbox: &Sandbox, mut collector: Collector) -> Vec<Kept> {
    collector.process.stop();
    let path = sandbox.path("collector.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let mut statement = connection.prepare(RECORDS).unwrap();
    let rows = statement.query_map((), |row| Ok(Kept { key: row.get(0)?, payload: row.get(1)? })).unwrap();
    rows.map(Result::unwrap).collect()
}
