//! The answer: whose it is, to what, and the readings in it.
//!
//! Names of X-Road that mean what a series of ours means become that; the windows of an hour become `xroad_*`, each with the
//! label `statistic`.

use roxmltree::{Document, Node};
use telemetry_xroad::elements::{client_id, server_id, service_id};
use telemetry_xroad::identifier::ServerId;
use telemetry_xroad::names::{ENVELOPE, MONITORING, SERVICE_CODE, XROAD};
use telemetry_xroad::xml::{self, content, repeated};

use super::fault::explain;
use super::request::Request;
use crate::samples::pulled::Answer;
use crate::samples::{Gatherer, Kind, Series};

/// Elements, texts and comments of an answer. A server that knows no outputSpec sends all: 30,000 processes are a million,
/// and too many.
const NODES: u32 = 500_000;

/// Bytes of a version or of a kernel's line.
const TEXT_CHARS: usize = 200;

/// Windows of an hour, by their names there and here.
const WINDOWS: [(&str, &str, &str); 5] = [
    ("SystemCpuLoad", "xroad_system_cpu_load_percent", "percent"),
    ("FreePhysicalMemory", "xroad_free_physical_memory_bytes", "bytes"),
    ("FreeSwapSpace", "xroad_free_swap_space_bytes", "bytes"),
    ("OpenFileDescriptorCount", "xroad_open_file_descriptor_count", ""),
    ("CommittedVirtualMemory", "xroad_committed_virtual_memory_bytes", "bytes"),
];

const STATISTICS: [&str; 5] = ["min", "max", "mean", "median", "stddev"];

/// Single values that become series as they are.
const VALUES: [(&str, &str, &str); 3] = [
    ("TotalPhysicalMemory", "system_memory_limit_bytes", "bytes"),
    ("TotalSwapSpace", "xroad_total_swap_space_bytes", "bytes"),
    ("MaxFileDescriptorCount", "xroad_max_file_descriptor_count", ""),
];

const DISK: &str = "system_filesystem_usage_bytes";
const CERTIFICATE: &str = "telemetry_certificate_not_after_timestamp_seconds";

/// Reads what came back.
///
/// # Errors
/// Why it is no answer to this request: a fault, in words.
pub fn read(body: &[u8], request: &Request) -> Result<Answer, String> {
    let malformed = |error: xml::XmlError| format!("its answer is no XML that can be read: {error}");
    let text = xml::text(body).map_err(malformed)?;
    let document = xml::document_within(text, NODES).map_err(malformed)?;
    let (header, response) = parts(&document)?;
    if response.has_tag_name((ENVELOPE, "Fault")) {
        return Err(explain(response));
    }
    check_header(header.ok_or("its answer has no header of SOAP")?, request)?;
    if !response.has_tag_name((MONITORING, "getSecurityServerMetricsResponse")) {
        let name = repeated(response.tag_name().name());
        return Err(format!("its answer is {name}, and not getSecurityServerMetricsResponse"));
    }
    let root = only_set(response).ok_or("its answer has no metricSet")?;
    let server = server_of(&name(root), request)?;
    let system = sets(root).find(|set| name(*set) == "systemMetrics");
    let mut gathered = Gatherer::default();
    if let Some(system) = system {
        gather(system, &mut gathered);
    }
    Ok(Answer {
        taken_secs: None,
        server: Some(server),
        client_version: value_of(root, "proxyVersion"),
        operating_system: system.and_then(|system| value_of(system, "OperatingSystem")),
        reading: gathered.finish(),
        checks: None,
    })
}

type Parts<'a, 'b> = (Option<Node<'a, 'b>>, Node<'a, 'b>);

/// The header, and the one element of the body.
fn parts<'a, 'b>(document: &'a Document<'b>) -> Result<Parts<'a, 'b>, String> {
    let envelope = document.root_element();
    if !envelope.has_tag_name((ENVELOPE, "Envelope")) {
        let name = repeated(envelope.tag_name().name());
        return Err(format!(
            "its answer is {name}, and no envelope of SOAP; is something else at this url=?"
        ));
    }
    let child = |name: &str| envelope.children().find(|node| node.has_tag_name((ENVELOPE, name)));
    let body = child("Body").ok_or("its answer has no body of SOAP")?;
    let mut elements = body.children().filter(Node::is_element);
    match (elements.next(), elements.next()) {
        (Some(element), None) => Ok((child("Header"), element)),
        _ => Err("the body of its answer has not exactly one element".to_owned()),
    }
}

/// The answer repeats the headers of the request, and has its hash.
fn check_header(header: Node<'_, '_>, request: &Request) -> Result<(), String> {
    let field = |name: &str| header.children().find(|node| node.has_tag_name((XROAD, name)));
    let another =
        |what: &str| Err(format!("its answer is to another request: {what} is not the one that was sent"));
    match field("requestHash").map(content) {
        None => return Err("its answer has no requestHash, which says to what it is one".to_owned()),
        Some(hash) if hash.trim() != request.hash() => return another("requestHash"),
        Some(_) => {}
    }
    if field("id").map(content).as_deref() != Some(request.id.as_str()) {
        return another("id");
    }
    if field("client").and_then(|node| client_id(node).ok()).as_ref() != Some(&request.soap.client) {
        return another("client");
    }
    let service = field("service").and_then(|node| service_id(node).ok());
    let is_ours = service.is_some_and(|service| {
        service.provider.member == request.soap.owner
            && service.provider.subsystem.is_none()
            && service.code == SERVICE_CODE
    });
    if !is_ours {
        return another("service");
    }
    let server = field("securityServer").and_then(|node| server_id(node).ok());
    if server != request.soap.server { another("securityServer") } else { Ok(()) }
}

/// Which server it is: `SERVER:` and its id.
fn server_of(name: &str, request: &Request) -> Result<String, String> {
    let given = name.strip_prefix("SERVER:").unwrap_or(name);
    let server: ServerId = given
        .parse()
        .map_err(|()| format!("its answer does not say which server it is of: {}", repeated(name)))?;
    let is_meant = match &request.soap.server {
        Some(meant) => server == *meant,
        None => server.owner == request.soap.owner,
    };
    if !is_meant {
        return Err(format!("another machine answers: {}", repeated(given)));
    }
    Ok(given.to_owned())
}

fn only_set<'a, 'b>(parent: Node<'a, 'b>) -> Option<Node<'a, 'b>> {
    let mut sets = sets(parent);
    sets.next().filter(|_| sets.next().is_none())
}

fn sets<'a, 'b>(parent: Node<'a, 'b>) -> impl Iterator<Item = Node<'a, 'b>> {
    parent.children().filter(|node| node.has_tag_name((MONITORING, "metricSet")))
}

fn child(parent: Node<'_, '_>, name: &str) -> Option<String> {
    parent.children().find(|node| node.has_tag_name((MONITORING, name))).map(content)
}

fn name(metric: Node<'_, '_>) -> String {
    child(metric, "name").unwrap_or_default()
}

/// The text of a single value, whatever its kind was guessed to be: a version `4.0` is a number there.
fn value_of(set: Node<'_, '_>, wanted: &str) -> Option<String> {
    let metric = set.children().find(|node| node.is_element() && name(*node) == wanted)?;
    let value = child(metric, "value")?;
    Some(xml::one_line(&value).chars().take(TEXT_CHARS).collect())
}

fn gather(system: Node<'_, '_>, gathered: &mut Gatherer) {
    let mut add = |name: &str, labels: &[(&str, &str)], unit: &str, value: Option<f64>| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        gathered.add(Series::new(name, labels, unit, Kind::Gauge), value.unwrap_or(f64::NAN));
    };
    let mut total = None;
    let mut free = None;
    for metric in system.children().filter(Node::is_element) {
        let metric_name = name(metric);
        let number = || child(metric, "value").and_then(|text| text.trim().parse::<f64>().ok());
        match metric_name.as_str() {
            "DiskSpaceTotal_/" => total = number(),
            "DiskSpaceFree_/" => free = number(),
            "Certificates" => {
                for set in sets(metric) {
                    let Some((kind, digits, not_after)) = certificate(set) else { continue };
                    add(CERTIFICATE, &[("path", &kind), ("sha256", &digits)], "seconds", Some(not_after));
                }
            }
            other => {
                if let Some((_, ours, unit)) = VALUES.iter().find(|(theirs, ..)| *theirs == other) {
                    add(ours, &[], unit, number());
                } else if let Some((_, ours, unit)) = WINDOWS.iter().find(|(theirs, ..)| *theirs == other) {
                    for statistic in STATISTICS {
                        let value = child(metric, statistic).and_then(|text| text.trim().parse().ok());
                        add(ours, &[("statistic", statistic)], unit, value);
                    }
                }
            }
        }
    }
    if let (Some(total), Some(free)) = (total, free) {
        for (state, value) in [("free", free), ("used", total - free)] {
            add(DISK, &[("mountpoint", "/"), ("state", state)], "bytes", Some(value));
        }
    }
}

/// Its kind, the first 16 digits of its hash, and when it ends, in Unix seconds.
fn certificate(set: Node<'_, '_>) -> Option<(String, String, f64)> {
    let digits = value_of(set, "sha1Hash")?.replace(':', "").to_ascii_lowercase();
    let digits = digits.get(..16).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let not_after: jiff::Timestamp = value_of(set, "notAfter")?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "years up to 9999 are far below 2^53 seconds")]
    Some((value_of(set, "certificateType")?, digits.to_owned(), not_after.as_second() as f64))
}
