//! What a certificate of this machine costs: TLS with it against TLS without, to the same server.

use super::super::in_turn;
use super::super::table::Row;
use super::{RECORDS, fill_spool};
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use telemetry_record::message::Message;
use telemetry_store::limits::RECORDS_PER_FILE;
use test_harness::nginx::{Manner, Nginx};
use test_harness::server::Server;
use test_harness::{Sandbox, until};

pub(super) fn measure(
    folder: &Path,
    message: &Message,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let (with, without) = in_turn(
        || deliver(folder, message, "ssl_verify_client optional_no_ca;", "always"),
        || deliver(folder, message, "", "never"),
    )?;
    print(&Row {
        what: "over TLS with a certificate of this machine, against TLS without".to_owned(),
        ours: with,
        floor: without,
        ratio: Some(with / without),
        unit: "records/s",
        goal: "0.8 of without",
        c_implementation: "-",
    });
    Ok(())
}

/// Records a second until all have left the spool. nginx answers by itself, so that it is not what is behind it that counts, and
/// keeps its connections: after 1,000 answers of that kind it would cut one, and what is counted would be waits.
fn deliver(folder: &Path, message: &Message, directives: &str, shown: &str) -> Result<f64, Box<dyn Error>> {
    let mut sandbox = Sandbox::new_in(folder);
    let upstream = Server::accepting();
    let answer = "if ($request_method = POST) { return 201; }";
    let manner = Manner {
        directives: format!("{directives} keepalive_requests 1000000; {answer}"),
        ..Manner::default()
    };
    let address = format!("http://{}", upstream.address());
    let nginx = Nginx::start(&sandbox, &address, &manner);
    sandbox.set("server", nginx.url("/v2/collector")).set("cainfo", nginx.certificates.authority().display());
    sandbox.set("rate_limit_enabled", false).set("spool_max_size", -1).set("client_certificate", shown);
    let spool = fill_spool(&sandbox, message, RECORDS, RECORDS_PER_FILE)?;
    let start = Instant::now();
    let mut daemon = sandbox.start("telempostd");
    until("an empty spool", || spool.entries().ok().filter(Vec::is_empty));
    let seconds = start.elapsed().as_secs_f64();
    daemon.stop();
    Ok(RECORDS as f64 / seconds)
}
