//! Delivery over a long line: nginx with TLS and HTTP/2, 50 ms away, beside one request after another.

use super::c_program::Programs;
use super::delivery::{fill_spool, request_headers};
use super::in_turn;
use super::sink::Sink;
use super::table::Row;
use crate::torture::Relay;
use crate::torture::relay::Behaviour;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry_record::message::Message;
use test_harness::nginx::Manner;
use test_harness::{Nginx, Sandbox, until};

const EACH_WAY: Duration = Duration::from_millis(25);
const RECORDS: usize = 1_000;
/// One after another takes a second for 20, its handshakes not counted.
const FLOOR_RECORDS: usize = 40;

pub(super) fn measure(
    programs: &Programs,
    folder: &Path,
    message: &Message,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::new_in(folder);
    let sink = Sink::start()?;
    let upstream = sink.url.trim_end_matches("/v2/collector");
    let nginx = Nginx::start(&sandbox, upstream, &Manner::default());
    let relay = Relay::start(&format!("http://127.0.0.1:{}", nginx.port), |_| Behaviour::Delayed(EACH_WAY));
    let (_, port) = relay.url.rsplit_once(':').ok_or("the relay has no port")?;
    let url = format!("https://localhost:{port}/v2/collector");
    let authority = nginx.certificates.authority().display().to_string();

    let body = sandbox.write("body", &message.payload).display().to_string();
    let headers = sandbox.write("headers", &request_headers(message)).display().to_string();
    let floor_args = [&url, &FLOOR_RECORDS.to_string(), &body, &headers, &authority];
    let (ours, floor) = in_turn(
        || deliver(&sink, folder, message, &url, &authority),
        || programs.figure("floor_post", &floor_args.map(String::as_str)),
    )?;
    print(&Row {
        what: "50 ms round trip, TLS: 1,000 records".to_owned(),
        ours,
        floor,
        ratio: Some(ours / floor),
        unit: "records/s",
        goal: "20 times the floor",
        c_implementation: "-",
    });
    Ok(())
}

/// Records a second from telempostd's start on a full spool, handshake and probe included.
fn deliver(
    sink: &Sink,
    folder: &Path,
    message: &Message,
    url: &str,
    authority: &str,
) -> Result<f64, Box<dyn Error>> {
    let mut sandbox = Sandbox::new_in(folder);
    sandbox.set("server", url).set("cainfo", authority).set("rate_limit_enabled", false);
    let spool = fill_spool(&sandbox, message, RECORDS, telemetry_store::limits::RECORDS_PER_FILE)?;
    let before = sink.received();
    let start = Instant::now();
    let mut daemon = sandbox.start("telempostd");
    until("all records at the server", || (sink.received() >= before + RECORDS).then_some(()));
    let seconds = start.elapsed().as_secs_f64();
    until("an empty spool", || spool.entries().ok().filter(Vec::is_empty));
    daemon.stop();
    Ok(RECORDS as f64 / seconds)
}
