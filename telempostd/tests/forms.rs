//! What a server gets, to the byte, in both forms of the interface.

use telemetry_record::header::Header;
use test_harness::Sandbox;
use test_harness::records::record;
use test_harness::server::{Reply, Request, Server};

const TID: (&str, &str) = ("X-Telemetry-TID", "6907c830-eed9-4ce9-81ae-76daf8d88f0f");

fn agent() -> String {
    format!("telemetrics/{}", env!("CARGO_PKG_VERSION"))
}

/// Headers of the request but those that HTTP itself needs, sorted.
fn own_headers(request: &Request) -> Vec<(String, String)> {
    let mut headers = request.headers.clone();
    headers.retain(|(name, _)| !["Host", "Accept", "Content-Length"].contains(&name.as_str()));
    headers.sort();
    headers
}

fn sorted(headers: Vec<(&str, String)>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    headers.sort();
    headers
}

#[test]
fn v2_is_headers_and_the_payload_as_it_is() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("{}v2/collector", server.url()), "");
    let payload = "one\n\n\ttwo é\n";
    let id = sandbox.store(payload);
    let mut daemon = sandbox.start_telempostd();
    let request = server.wait_for(1).remove(0);
    assert_eq!(request.line, "POST /v2/collector HTTP/1.1");
    assert_eq!(request.body, payload.as_bytes());
    let of = |header: Header| record("").headers.value(header).to_owned();
    let expected = vec![
        (TID.0, TID.1.to_owned()),
        ("Idempotency-Key", id),
        ("User-Agent", agent()),
        ("Content-Type", "application/text".to_owned()),
        ("Record-Format-Version", of(Header::RecordFormatVersion)),
        ("Classification", of(Header::Classification)),
        ("Severity", of(Header::Severity)),
        ("Machine-Id", of(Header::MachineId)),
        ("Creation-Timestamp", of(Header::CreationTimestamp)),
        ("Arch", of(Header::Arch)),
        ("Host-Type", of(Header::HostType)),
        ("Build", of(Header::Build)),
        ("Kernel-Version", of(Header::KernelVersion)),
        ("Payload-Format-Version", of(Header::PayloadFormatVersion)),
        ("System-Name", of(Header::SystemName)),
        // It is empty, and is sent all the same.
        ("Board-Name", String::new()),
        ("Cpu-Model", of(Header::CpuModel)),
        ("Bios-Version", of(Header::BiosVersion)),
        ("Event-Id", of(Header::EventId)),
    ];
    assert_eq!(own_headers(&request), sorted(expected));
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn v3_is_json_with_every_value_a_string() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("{}v3/collector", server.url()), "tidheader=X-Set:\\sa b");
    let payload = "one\n\t\"two\" é\n";
    let id = sandbox.store(payload);
    let mut daemon = sandbox.start_telempostd();
    let request = server.wait_for(1).remove(0);
    assert_eq!(request.line, "POST /v3/collector HTTP/1.1");
    let expected = vec![
        ("X-Set", "a b".to_owned()),
        ("Idempotency-Key", id),
        ("User-Agent", agent()),
        ("Content-Type", "application/json".to_owned()),
    ];
    assert_eq!(own_headers(&request), sorted(expected));
    let mut object = serde_json::Map::new();
    for header in Header::ALL {
        object.insert(header.name().to_owned(), record("").headers.value(header).into());
    }
    object.insert("payload".to_owned(), payload.into());
    let sent: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(sent, serde_json::Value::Object(object));
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn an_empty_payload_and_the_largest_one_arrive() {
    let server = Server::start(|_, _| Reply::Chunked(200, "{\"id\": 1}"));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("");
    let largest = "x".repeat(telemetry_record::limits::PAYLOAD_BYTES);
    sandbox.store(&largest);
    let mut daemon = sandbox.start_telempostd();
    let mut bodies: Vec<String> = server.wait_for(2).iter().map(Request::text).collect();
    bodies.sort_by_key(String::len);
    assert_eq!(bodies, ["", &largest]);
    assert!(server.requests().iter().all(|request| request.header("Expect").is_none()));
    sandbox.wait_until_empty();
    daemon.stop();
}
