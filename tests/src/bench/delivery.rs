//! From the spool to a server on loopback: without TLS, over it, and with a copy that is away.

mod copies;
mod tls;

use super::c_program::Programs;
use super::in_turn;
use super::sink::Sink;
use super::table::Row;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use telemetry::Record;
use telemetry_record::header::Header;
use telemetry_record::message::Message;
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::spool::{Durability, Writer};
use test_harness::{Process, Sandbox, until};

const RECORDS: usize = 15_000;

pub(super) fn measure(
    programs: &Programs,
    folder: &Path,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let sink = Sink::start()?;
    let message = message()?;
    let (body, headers) = (folder.join("body"), folder.join("headers"));
    std::fs::write(&body, &message.payload)?;
    std::fs::write(&headers, request_headers(&message))?;
    let floor_args =
        [&sink.url, &RECORDS.to_string(), &body.display().to_string(), &headers.display().to_string()];

    let mut memory = Memory::default();
    for (per_file, form) in [(1, "a file each"), (RECORDS_PER_FILE, "64 a file")] {
        let (ours, floor) = in_turn(
            || deliver(&sink, folder, &message, per_file, &mut memory),
            || programs.figure("floor_post", &floor_args.map(String::as_str)),
        )?;
        print(&Row {
            what: format!("spool to server: 15,000 records, {form}"),
            ours,
            floor,
            ratio: Some(ours / floor),
            unit: "records/s",
            goal: "over 10,000; 0.5 of it",
            c_implementation: "1,500",
        });
    }
    tls::measure(folder, &message, print)?;
    copies::measure(&sink, folder, &message, print)?;
    for (what, kib, goal) in [
        ("telempostd after that", memory.after_work_kib, "under 6 MB"),
        ("telempost-upload at work (ends when idle)", memory.upload_kib, "-"),
    ] {
        print(&Row {
            what: what.to_owned(),
            ours: kib as f64 / 1024.0,
            floor: f64::NAN,
            ratio: None,
            unit: "MB RSS",
            goal,
            c_implementation: if goal == "-" { "-" } else { "10.3 MB" },
        });
    }
    Ok(())
}

/// A record of 200 bytes.
pub(super) fn message() -> Result<Message, Box<dyn Error>> {
    let record = Record::new(1, "org.example/bench/delivery", 1)?;
    Ok(Message { config: None, headers: record.headers().clone(), payload: "x".repeat(200) })
}

#[derive(Debug, Default)]
struct Memory {
    after_work_kib: u64,
    upload_kib: u64,
}

/// The headers of a v2 request, as telempostd makes them.
pub(super) fn request_headers(message: &Message) -> String {
    let lines: String = Header::ALL
        .into_iter()
        .map(|header| format!("{}: {}\n", header.name().replace('_', "-"), message.headers.value(header)))
        .collect();
    format!(
        "{lines}Content-Type: application/text\nX-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f\n\
         Idempotency-Key: 5de9de8d5f3c6a7d445d75ba01cc3322\nExpect:\n"
    )
}

/// Fills a spool, starts telempostd on it, and returns records a second from its start to the last one.
fn deliver(
    sink: &Sink,
    folder: &Path,
    message: &Message,
    per_file: usize,
    memory: &mut Memory,
) -> Result<f64, Box<dyn Error>> {
    let mut sandbox = Sandbox::new_in(folder);
    sandbox.set("server", &sink.url).set("rate_limit_enabled", false).set("spool_max_size", -1);
    sandbox.set("daemon_recycling_enabled", false);
    let spool = fill_spool(&sandbox, message, RECORDS, per_file)?;
    let before = sink.received();
    let start = Instant::now();
    let mut daemon = sandbox.start("telempostd");
    until("all records at the server", || (sink.received() >= before + RECORDS).then_some(()));
    let seconds = start.elapsed().as_secs_f64();
    memory.upload_kib = memory.upload_kib.max(upload_rss_kib(&daemon).unwrap_or(0));
    until("an empty spool", || spool.entries().ok().filter(Vec::is_empty));
    memory.after_work_kib = memory.after_work_kib.max(daemon.status_kib("VmRSS"));
    daemon.stop();
    Ok(RECORDS as f64 / seconds)
}

/// Stores a record `records` times, `per_file` of them in a file.
pub(super) fn fill_spool(
    sandbox: &Sandbox,
    message: &Message,
    records: usize,
    per_file: usize,
) -> std::io::Result<Writer> {
    let spool = Writer::open_or_create(&sandbox.spool_dir())?;
    let messages = vec![message; per_file];
    let mut stored = 0;
    while stored < records {
        let group = messages.get(..per_file.min(records - stored)).unwrap_or_default();
        spool.store(0, group, Durability::Atomic)?;
        stored += group.len();
    }
    Ok(spool)
}

/// Resident set of the daemon's child.
fn upload_rss_kib(daemon: &Process) -> Option<u64> {
    let pid = daemon.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let child = children.split(' ').next()?;
    let status = std::fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
