//! A request by SOAP: its content type in the first line, and the bytes that were posted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use telemetry_config::pull::FaultStyle;
use telemetry_sensors::moment::{Memory, OwnProcess};
use telemetry_xroad::identifier::ServerId;
use telemetry_xroad::names::{ENVELOPE, MONITORING, XROAD};
use telemetry_xroad::xml;
use telempull_answers::access::Extent;
use telempull_answers::environment::Environment;
use telempull_answers::soap::{Answer, Fault, Request};

static SERVER: LazyLock<ServerId> = LazyLock::new(|| "L/O/1/s".parse().unwrap());
static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| Environment {
    time: "2026-11-26T21:30:05.120Z".to_owned(),
    version: "4.0.1",
    operating_system: Some("Linux <&>".to_owned()),
    families: Vec::new(),
    sensors: Vec::new(),
    memory: Memory::default(),
    own: OwnProcess::default(),
    root: None,
    windows: Default::default(),
    checks: Vec::new(),
    certificates: Vec::new(),
    packages: None,
    processes: None,
});

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let posted = bytes.get(end + 1..).unwrap_or_default();
    let content_type = std::str::from_utf8(&bytes[..end]).ok();
    match Request::parse(content_type, posted) {
        Ok(request) => {
            request.check(Some(&SERVER)).err().iter().for_each(check_fault);
            check_fault(&request.denied());
            for extent in [Extent::Limited, Extent::Everything] {
                check_answer(&Answer::new(&request, &SERVER, &ENVIRONMENT, extent).into_text());
            }
        }
        Err(fault) => check_fault(&fault),
    }
});

/// It is one element in one envelope, and the hash stands directly behind the id.
fn check_answer(answer: &str) {
    let document = xml::document(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    let envelope = document.root_element();
    assert!(envelope.has_tag_name((ENVELOPE, "Envelope")), "{answer}");
    let body = envelope.last_element_child().unwrap();
    let metrics = body.first_element_child().unwrap();
    assert_eq!(metrics, body.last_element_child().unwrap());
    assert!(metrics.has_tag_name((MONITORING, "getSecurityServerMetricsResponse")), "{answer}");
    let fields = envelope.first_element_child().unwrap();
    let id = fields.children().find(|field| field.has_tag_name((XROAD, "id"))).unwrap();
    let hash = id.next_sibling_element().unwrap();
    assert!(hash.has_tag_name((XROAD, "requestHash")) && xml::content(hash).len() == 88, "{answer}");
    let hashes = fields.children().filter(|field| field.has_tag_name((XROAD, "requestHash"))).count();
    assert_eq!(hashes, 1, "{answer}");
}

fn check_fault(fault: &Fault) {
    assert!(fault.text.len() < 8192, "{fault:?}");
    for style in [FaultStyle::SnakeCase, FaultStyle::CamelCase] {
        let text = fault.text(style, "0");
        let document = xml::document(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let code = document.descendants().find(|node| node.has_tag_name("faultcode")).unwrap();
        assert_eq!(xml::content(code), fault.kind.code(style));
    }
}
