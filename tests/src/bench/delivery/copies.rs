//! What a copy that is away costs the list: each file is linked into its folder, and the oldest there are removed.

use super::super::in_turn;
use super::super::sink::Sink;
use super::super::table::Row;
use super::{RECORDS, fill_spool};
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use telemetry_record::message::Message;
use telemetry_store::limits::RECORDS_PER_FILE;
use test_harness::{Sandbox, until};

/// A port that nobody listens at.
const AWAY: &str = "http://127.0.0.1:9/";

pub(super) fn measure(
    sink: &Sink,
    folder: &Path,
    message: &Message,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let (ours, floor) =
        in_turn(|| deliver(sink, folder, message, AWAY), || deliver(sink, folder, message, ""))?;
    print(&Row {
        what: "the same, while a copy is away and over its budget".to_owned(),
        ours,
        floor,
        ratio: Some(ours / floor),
        unit: "records/s",
        goal: "0.8 of without",
        c_implementation: "-",
    });
    Ok(())
}

/// Records a second until all have left the spool.
fn deliver(sink: &Sink, folder: &Path, message: &Message, copy: &str) -> Result<f64, Box<dyn Error>> {
    let mut sandbox = Sandbox::new_in(folder);
    sandbox.set("server", &sink.url).set("rate_limit_enabled", false).set("spool_max_size", -1);
    sandbox.set("server_copy", copy).set("server_copy_max_size", 512);
    let spool = fill_spool(&sandbox, message, RECORDS, RECORDS_PER_FILE)?;
    let start = Instant::now();
    let mut daemon = sandbox.start("telempostd");
    until("an empty spool", || spool.entries().ok().filter(Vec::is_empty));
    let seconds = start.elapsed().as_secs_f64();
    daemon.stop();
    Ok(RECORDS as f64 / seconds)
}
