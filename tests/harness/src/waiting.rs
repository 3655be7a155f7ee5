//! Records that wait in the spool, put there without telemprobd.

use crate::Sandbox;
use telemetry::Record;
use telemetry_record::message::Message;
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::spool::{Durability, Writer};

/// The n-th payload of [`put`]: `n` and a line that compresses.
pub fn payload(n: usize) -> String {
    format!("{n}\n{}\n", "- waiting, waiting, waiting - ".repeat(20))
}

/// Puts this many records into the sandbox's spool.
///
/// # Panics
/// The spool cannot be written.
pub fn put(sandbox: &Sandbox, count: usize) {
    put_these(sandbox, (0..count).map(payload).collect());
}

/// Puts a record of each payload into the sandbox's spool.
///
/// # Panics
/// The spool cannot be written.
pub fn put_these(sandbox: &Sandbox, payloads: Vec<String>) {
    let spool = Writer::open_or_create(&sandbox.spool_dir()).unwrap();
    let record = Record::new(1, "org.example/test/waiting", 1).unwrap();
    let message = |payload| Message { config: None, headers: record.headers().clone(), payload };
    let messages: Vec<Message> = payloads.into_iter().map(message).collect();
    for file in messages.chunks(RECORDS_PER_FILE) {
        spool.store(0, &file.iter().collect::<Vec<_>>(), Durability::Atomic).unwrap();
    }
}
