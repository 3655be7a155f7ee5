//! Requests of every form; answers are judged by xmllint against a schema that was written from the description.

use super::*;
use crate::access::Extent;
use crate::environment::{CertificateKind, Environment, Root, WatchedCertificate};
use crate::window::Summary;
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use telemetry_config::pull::FaultStyle;
use telemetry_sensors::moment::{Memory, OwnProcess};
use telemetry_sensors::packages::Package;
use telemetry_sensors::process_list::Process;
use telemetry_trust::Fingerprint;
use telemetry_xroad::identifier::ServerId;

/// 1222 bytes, whose hash is known.
const VECTOR: &str = include_str!("../../tests/vector.xml");
const VECTOR_HASH: &str =
    "Fntwvy7NLAjMuKHVSHzyaX+QamoW1mbMMDnLWQzKYJcg0FTUBvXmZJ2owbR1tqSD9Xwu6OG6CjKqo3zaqh9svA==";
const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schema/envelope.xsd");

fn server() -> ServerId {
    ServerId { owner: "LAB/ORG/4711-0".parse().unwrap(), code: "node-17.lab.example".to_owned() }
}

fn parse(xml: &str) -> Result<Request, Fault> {
    Request::parse(Some("text/xml"), xml.as_bytes())
}

fn environment() -> Environment {
    let process = |pid, arguments: Option<&str>| Process {
        pid,
        user: "o'neil".to_owned(),
        command: "a<b>&\u{fffd}".to_owned(),
        arguments: arguments.map(str::to_owned),
        cpu_percent: 0.123,
        memory_percent: 12.0,
        start_unix_secs: 1,
    };
    let package =
        |(name, version): (&str, &str)| Package { name: name.to_owned(), version: version.to_owned() };
    let versions = [("libc6", "2.36-9+deb12u14"), ("tz", "2026"), ("h", "0x1F"), ("l", "10L"), ("e", "1e5")];
    Environment {
        time: "2026-11-26T21:30:05.120Z".to_owned(),
        version: "4.0.1",
        operating_system: Some("Linux version 6.12 (a@b) #1".to_owned()),
        families: Vec::new(),
        sensors: Vec::new(),
        memory: Memory { total: Some(8_258_998_272), swap_total: Some(0), ..Memory::default() },
        own: OwnProcess { max_open_files: Some(1024), ..OwnProcess::default() },
        root: Some(Root { total_bytes: 126_692_069_376, free_bytes: 71_230_402_560 }),
        windows: [Summary::of(vec![1.0, 4.0, 37.0]); 5],
        checks: Vec::new(),
        certificates: vec![WatchedCertificate {
            kind: CertificateKind::ServerTls,
            path: "/secret".to_owned(),
            fingerprint: Fingerprint::of_der(b"x"),
            not_before_unix_secs: 0,
            not_after_unix_secs: 2_000_000_000,
        }],
        packages: Some(versions.map(package).into_iter().collect()),
        processes: Some(Arc::from([process(1, None), process(512, Some("/bin/x --secret 'a'"))])),
    }
}

fn answer_to(request: &Request, extent: Extent) -> String {
    Answer::new(request, &server(), &environment(), extent).into_text()
}

/// What xmllint says of these; empty if all are valid.
fn faults_of(answers: &[String]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let files: Vec<_> = answers
        .iter()
        .enumerate()
        .map(|(index, answer)| {
            let path = dir.path().join(format!("{index}.xml"));
            std::fs::File::create(&path).unwrap().write_all(answer.as_bytes()).unwrap();
            path
        })
        .collect();
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", SCHEMAS])
        .args(&files)
        .stdin(Stdio::null())
        .output()
        .expect("xmllint is installed (libxml2-utils)");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { String::new() } else { said }
}

/// With other words in the place of some, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert!(VECTOR.contains(from), "{from}");
    VECTOR.replacen(from, to, 1)
}

#[test]
fn the_hash_of_the_vector_comes_out_behind_the_id() {
    assert_eq!(VECTOR.len(), 1222);
    let answer = answer_to(&parse(VECTOR).unwrap(), Extent::Everything);
    let expected = format!(
        "<xr:id>5d0c2f6e-8f0e-4a0b-9a53-2f2a6f4f7b11</xr:id><xr:requestHash \
         algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha512\">{VECTOR_HASH}</xr:requestHash>\n    <xr:protocolVersion>"
    );
    assert!(answer.contains(&expected), "{answer}");
    assert!(
        answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap="),
        "{answer}"
    );
    // All headers are there, byte by byte.
    let headers = &VECTOR[VECTOR.find("<soap:Header>").unwrap()..VECTOR.find("</soap:Header>").unwrap()];
    let (before, behind) = headers.split_at(headers.find("</xr:id>").unwrap() + "</xr:id>".len());
    assert!(answer.contains(before) && answer.contains(behind), "{answer}");
    assert_eq!(faults_of(&[answer]), "");
}

#[test]
fn everything_is_in_its_order() {
    let answer = answer_to(&parse(VECTOR).unwrap(), Extent::Everything);
    let mut at = 0;
    for part in [
        "<mon:getSecurityServerMetricsResponse xmlns:mon=\"http://x-road.eu/xsd/monitoring\"><mon:metricSet>\
         <mon:name>SERVER:LAB/ORG/4711-0/node-17.lab.example</mon:name>\
         <mon:stringMetric><mon:name>proxyVersion</mon:name><mon:value>4.0.1</mon:value></mon:stringMetric>\
         <mon:metricSet><mon:name>systemMetrics</mon:name>",
        "<mon:metricSet><mon:name>Certificates</mon:name><mon:metricSet><mon:name>certificate-2D:71:",
        "<mon:name>sha1Hash</mon:name>",
        "<mon:name>notBefore</mon:name><mon:value>1970-01-01T00:00:00Z</mon:value>",
        "<mon:value>2033-05-18T03:33:20Z</mon:value>",
        "<mon:value>SECURITY_SERVER_TLS</mon:value>",
        "<mon:name>active</mon:name><mon:value>true</mon:value>",
        "<mon:numericMetric><mon:name>DiskSpaceFree_/</mon:name><mon:value>71230402560</mon:value>",
        "<mon:name>DiskSpaceTotal_/</mon:name>",
        "<mon:name>MaxFileDescriptorCount</mon:name>",
        "<mon:stringMetric><mon:name>OperatingSystem</mon:name>",
        "<mon:name>TotalPhysicalMemory</mon:name><mon:value>8258998272</mon:value>",
        "<mon:name>TotalSwapSpace</mon:name><mon:value>0</mon:value>",
        "<mon:histogramMetric><mon:name>CommittedVirtualMemory</mon:name><mon:updated>2026-11-26T21:30:05.120Z</mon:updated>\
         <mon:min>1.0</mon:min><mon:max>37.0</mon:max><mon:mean>14.0</mon:mean><mon:median>4.0</mon:median>\
         <mon:stddev>19.974984355438178</mon:stddev></mon:histogramMetric>",
        "<mon:name>FreePhysicalMemory</mon:name>",
        "<mon:name>FreeSwapSpace</mon:name>",
        "<mon:name>OpenFileDescriptorCount</mon:name>",
        "<mon:name>SystemCpuLoad</mon:name>",
        "<mon:metricSet><mon:name>Processes</mon:name><mon:metricSet><mon:name>1</mon:name>\
         <mon:numericMetric><mon:name>processId</mon:name><mon:value>1</mon:value></mon:numericMetric>\
         <mon:stringMetric><mon:name>command</mon:name><mon:value>a&lt;b&gt;&amp;\u{fffd}</mon:value></mon:stringMetric>\
         <mon:numericMetric><mon:name>cpuLoad</mon:name><mon:value>0.1</mon:value></mon:numericMetric>\
         <mon:numericMetric><mon:name>memUsed</mon:name><mon:value>12.0</mon:value></mon:numericMetric>",
        "<mon:name>userId</mon:name><mon:value>oneil</mon:value>",
        "<mon:metricSet><mon:name>Xroad Processes</mon:name><mon:metricSet><mon:name>512</mon:name>",
        "<mon:value>/bin/x --secret a</mon:value>",
        "<mon:metricSet><mon:name>Packages</mon:name><mon:stringMetric><mon:name>libc6</mon:name>",
        "<mon:numericMetric><mon:name>tz</mon:name><mon:value>2026</mon:value></mon:numericMetric>\
         <mon:stringMetric><mon:name>h</mon:name><mon:value>0x1F</mon:value></mon:stringMetric>\
         <mon:stringMetric><mon:name>l</mon:name><mon:value>10L</mon:value></mon:stringMetric>\
         <mon:stringMetric><mon:name>e</mon:name><mon:value>1e5</mon:value></mon:stringMetric></mon:metricSet></mon:metricSet>\
         </mon:metricSet></mon:getSecurityServerMetricsResponse></soap:Body></soap:Envelope>\n",
    ] {
        at += answer[at..].find(part).unwrap_or_else(|| panic!("{part}: {}", &answer[at..])) + part.len();
    }
    assert_eq!(at, answer.len());
    // Nobody's arguments but our own, and no path.
    assert_eq!(answer.matches("secret").count(), 1);
}

#[test]
fn names_choose_and_the_limit_cuts() {
    let asking = |names: &[&str]| {
        let fields: String =
            names.iter().map(|name| format!("<mon:outputField>{name}</mon:outputField>")).collect();
        let spec = format!(
            "<mon:getSecurityServerMetrics><mon:outputSpec>{fields}</mon:outputSpec></mon:getSecurityServerMetrics>"
        );
        parse(&changed("<mon:getSecurityServerMetrics/>", &spec)).unwrap()
    };
    let names = |request: &Request, extent| {
        let answer = answer_to(request, extent);
        let all = [
            "proxyVersion",
            "systemMetrics",
            "Certificates",
            "OperatingSystem",
            "DiskSpaceFree_/",
            "SystemCpuLoad",
            "Processes",
            "Xroad Processes",
            "Packages",
        ];
        let found: Vec<_> =
            all.into_iter().filter(|name| answer.contains(&format!("<mon:name>{name}</mon:name>"))).collect();
        assert_eq!(faults_of(&[answer]), "");
        found
    };
    let (all, part) = (Extent::Everything, Extent::Limited);
    assert_eq!(
        names(&asking(&["OperatingSystem"]), all),
        ["proxyVersion", "systemMetrics", "OperatingSystem"]
    );
    assert_eq!(
        names(&asking(&["Xroad Processes", "DiskSpaceFree_/", "none"]), all),
        ["proxyVersion", "systemMetrics", "DiskSpaceFree_/", "Xroad Processes"]
    );
    // Nothing of what was named is there: the set is left out, or it would not be valid.
    assert_eq!(names(&asking(&["none"]), all), ["proxyVersion"]);
    assert_eq!(names(&asking(&["operatingsystem"]), all), ["proxyVersion"]);
    assert_eq!(names(&asking(&["proxyVersion"]), all), ["proxyVersion"]);
    // Empty names are none.
    assert_eq!(names(&asking(&[""]), all).len(), 9);
    assert_eq!(names(&asking(&[]), all).len(), 9);
    let limited = ["proxyVersion", "systemMetrics", "Certificates", "OperatingSystem"];
    assert_eq!(names(&parse(VECTOR).unwrap(), part), limited);
    assert_eq!(
        names(&asking(&["OperatingSystem", "Packages"]), part),
        ["proxyVersion", "systemMetrics", "OperatingSystem"]
    );
    assert_eq!(names(&asking(&["Packages"]), part), ["proxyVersion"]);
}

#[test]
fn every_wrong_form_has_its_fault() {
    use FaultKind::*;
    let client = &VECTOR[VECTOR.find("<xr:client").unwrap()..VECTOR.find("<xr:service").unwrap()];
    let service = &VECTOR[VECTOR.find("<xr:service").unwrap()..VECTOR.find("<xr:securityServer").unwrap()];
    let header = &VECTOR[VECTOR.find("<soap:Header>").unwrap()..VECTOR.find("<soap:Body>").unwrap()];
    let body = &VECTOR[VECTOR.find("<soap:Body>").unwrap()..VECTOR.find("</soap:Envelope>").unwrap()];
    let id = "<xr:id>5d0c2f6e-8f0e-4a0b-9a53-2f2a6f4f7b11</xr:id>";
    let request = "<mon:getSecurityServerMetrics/>";
    for (from, to, kind, text) in [
        (VECTOR, "not xml", InvalidXml, "Malformed XML"),
        ("</soap:Envelope>", "", InvalidXml, "Malformed XML"),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!DOCTYPE x>", InvalidXml, "Malformed XML"),
        (
            "schemas.xmlsoap.org/soap/envelope/",
            "www.w3.org/2003/05/soap-envelope",
            InvalidSoap,
            "envelope missing",
        ),
        (header, "", MissingHeader, "Malformed SOAP message: header missing"),
        (body, "", MissingBody, "Malformed SOAP message: body missing"),
        (client, "", MissingHeaderField, "Message header must contain client id"),
        (service, "", MissingHeaderField, "Message header must contain service id"),
        (id, "", MissingHeaderField, "Message header must contain query id"),
        ("<xr:protocolVersion>4.0</xr:protocolVersion>", "", MissingHeaderField, "protocol version"),
        ("<xr:protocolVersion>4.0", "<xr:protocolVersion>3.1", InvalidProtocolVersion, "'3.1'"),
        (
            id,
            &id.repeat(2),
            DuplicateHeaderField,
            "SOAP header contains duplicate field '{http://x-road.eu/xsd/xroad.xsd}id'",
        ),
        (client, &client.repeat(2), DuplicateHeaderField, "client"),
        (" iden:objectType=\"MEMBER\"", "", MissingHeaderField, "client id: objectType is missing"),
        ("\"MEMBER\"", "\"SERVER\"", MissingHeaderField, "client id: objectType must be MEMBER or SUBSYSTEM"),
        ("<iden:memberClass>ORG</iden:memberClass>", "", MissingHeaderField, "memberClass"),
        (
            "<iden:serviceCode>getSecurityServerMetrics",
            "<iden:serviceCode>getRandom",
            InconsistentHeaders,
            "getRandom",
        ),
        (request, "", InvalidBody, "exactly one child"),
        (request, &request.repeat(2), InvalidBody, "exactly one child"),
        (request, "text", InvalidBody, "exactly one child"),
    ] {
        let fault = parse(&changed(from, to)).expect_err(to);
        assert!(fault.kind == kind && fault.text.contains(text), "{from}: {fault:?}");
    }
    for (from, to, kind, text) in [
        (
            "getSecurityServerMetrics</iden:serviceCode>",
            "getSecurityServerMetrics</iden:serviceCode><iden:serviceVersion>v1</iden:serviceVersion>",
            UnknownService,
            "Unknown service: SERVICE:LAB/ORG/4711-0/getSecurityServerMetrics/v1",
        ),
        (
            "<iden:serviceCode>",
            "<iden:subsystemCode>S</iden:subsystemCode><iden:serviceCode>",
            UnknownService,
            "SERVICE:LAB/ORG/4711-0/S/getSecurityServerMetrics",
        ),
        (
            "<iden:serviceCode>getSecurityServerMetrics",
            "<iden:serviceCode>get",
            UnknownService,
            "SERVICE:LAB/ORG/4711-0/get",
        ),
        (
            "node-17.lab",
            "node-18.lab",
            InvalidSecurityServer,
            "Invalid security server identifier 'SERVER:LAB/ORG/4711-0/node-18.lab.example' expected 'SERVER:LAB/ORG/4711-0/node-17.lab.example'",
        ),
    ] {
        let fault = parse(&changed(from, to)).unwrap().check(Some(&server())).expect_err(to);
        assert_eq!((fault.kind, fault.text.as_str()), (kind, fault.text.as_str()));
        assert!(fault.text.contains(text), "{fault:?}");
    }
    let request = parse(VECTOR).unwrap();
    assert_eq!(request.check(Some(&server())), Ok(()));
    assert_eq!(request.check(None).unwrap_err().kind, UnknownService);
    assert_eq!(
        request.denied().text,
        "Request is not allowed: SERVICE:LAB/ORG/4711-0/getSecurityServerMetrics"
    );
}

#[test]
fn content_types() {
    for (right, value) in [
        (true, "text/xml"),
        (true, "text/xml;charset=UTF-8"),
        (true, "TEXT/XML; Charset=\"utf-8\""),
        (true, "application/xop+xml; type=\"text/xml\""),
        (false, "text/xml; charset=utf-16"),
        (false, "application/soap+xml"),
        (false, "multipart/related; type=\"text/xml\""),
        (false, "application/json"),
        (false, ""),
    ] {
        let found = Request::parse(Some(value), VECTOR.as_bytes());
        assert_eq!(found.is_ok(), right, "{value}");
        if let Err(fault) = found {
            assert_eq!(
                (fault.kind, fault.text),
                (FaultKind::InvalidContentType, format!("Invalid content type: {value}"))
            );
        }
    }
    assert!(Request::parse(None, VECTOR.as_bytes()).is_err());
    // A byte order mark is skipped, and hashed.
    let marked = format!("\u{feff}{VECTOR}");
    let answer = answer_to(&parse(&marked).unwrap(), Extent::Everything);
    assert!(!answer.contains(VECTOR_HASH) && answer.contains(&super::echo::request_hash(marked.as_bytes())));
}

#[test]
fn a_hash_that_came_is_replaced_and_every_prefix_comes_back() {
    let old = "<xr:requestHash algorithmId=\"x\">OLD</xr:requestHash>";
    let with_old = changed("<xr:id>", &format!("{old}<xr:id>"));
    let plain = VECTOR
        .replace("xr:", "")
        .replace("<client iden", "<client xmlns=\"http://x-road.eu/xsd/xroad.xsd\" iden")
        .replace("xmlns:xr=", "xmlns=")
        .replace(
            "<mon:getSecurityServerMetrics/>",
            "<getSecurityServerMetrics xmlns='http://x-road.eu/xsd/monitoring'></getSecurityServerMetrics>",
        );
    // As zeep writes it: each field declares what it needs; the header may know the prefix by another name.
    let own = changed("<xr:id>", "<own:id xmlns:own=\"http://x-road.eu/xsd/xroad.xsd\">")
        .replace("</xr:id>", "</own:id>");
    let other = own.replace("<soap:Header>", "<soap:Header xmlns:own=\"urn:other\">");
    let own_default =
        changed("<xr:id>", "<id xmlns=\"http://x-road.eu/xsd/xroad.xsd\">").replace("</xr:id>", "</id>");
    let foreign = changed("<mon:getSecurityServerMetrics/>", "<getSecurityServerMetrics/>");
    let commented = changed("<xr:id>", "<!-- </soap:Header> --><xr:id a='>'>")
        .replace("<soap:Body>", "<soap:Body\n a='</soap:Body>' >")
        .replace("a='</soap:Body>'", "a='&lt;>'");
    let moved =
        VECTOR.replace("SOAP-ENV", "x").replace("soap:", "SOAP-ENV:").replace("xmlns:soap", "xmlns:SOAP-ENV");
    let mut answers = Vec::new();
    for (xml, part) in [
        (
            with_old,
            "</xr:securityServer>\n    <xr:id>5d0c2f6e-8f0e-4a0b-9a53-2f2a6f4f7b11</xr:id><xr:requestHash algorithmId=\"http:",
        ),
        (plain, "</id><requestHash algorithmId="),
        (own, "</own:id><own:requestHash xmlns:own=\"http://x-road.eu/xsd/xroad.xsd\" algorithmId="),
        (other, "</own:id><own:requestHash xmlns:own=\"http://x-road.eu/xsd/xroad.xsd\" algorithmId="),
        (own_default, "</id><requestHash xmlns=\"http://x-road.eu/xsd/xroad.xsd\" algorithmId="),
        (foreign, "<m:getSecurityServerMetricsResponse xmlns:m="),
        (commented, "<!-- </soap:Header> --><xr:id a='>'>"),
        (moved, "<SOAP-ENV:Envelope xmlns:SOAP-ENV="),
    ] {
        let answer = answer_to(&parse(&xml).unwrap(), Extent::Everything);
        assert!(answer.contains(part), "{part}: {answer}");
        assert!(!answer.contains("OLD"), "{answer}");
        answers.push(answer);
    }
    // Attributes that no header has are the asker's own; all else is valid.
    answers.remove(6);
    assert_eq!(faults_of(&answers), "");
}

#[test]
fn faults_have_both_spellings() {
    let request = parse(VECTOR).unwrap();
    let text = request.denied().text(FaultStyle::SnakeCase, "0");
    assert!(text.contains("<faultcode>server.serverproxy.access_denied</faultcode>"), "{text}");
    assert!(
        text.contains("<faultactor></faultactor><detail><faultDetail>0</faultDetail></detail>"),
        "{text}"
    );
    let mut faults = vec![text];
    for (kind, snake, camel) in [
        (FaultKind::AccessDenied, "server.serverproxy.access_denied", "Server.ServerProxy.AccessDenied"),
        (
            FaultKind::UnknownService,
            "server.serverproxy.unknown_service",
            "Server.ServerProxy.UnknownService",
        ),
        (
            FaultKind::InvalidSecurityServer,
            "server.serverproxy.invalid_security_server",
            "Server.ServerProxy.InvalidSecurityServer",
        ),
        (FaultKind::InternalError, "server.serverproxy.internal_error", "Server.ServerProxy.InternalError"),
        (FaultKind::MissingHeaderField, "client.missing_header_field", "Client.MissingHeaderField"),
        (FaultKind::InvalidContentType, "client.invalid_content_type", "Client.InvalidContentType"),
    ] {
        assert_eq!(
            (kind.code(FaultStyle::SnakeCase), kind.code(FaultStyle::CamelCase)),
            (snake.to_owned(), camel.to_owned())
        );
        faults.push(Fault::new(kind, "<&\u{1}>").text(FaultStyle::CamelCase, "x"));
    }
    assert_eq!(faults_of(&faults), "");
}

#[test]
fn long_lists_are_written_in_pieces() {
    let mut environment = environment();
    let package = |number: usize| Package { name: format!("package-{number}"), version: "1.0-1".to_owned() };
    environment.packages = Some((0..10_000).map(package).collect());
    let process = environment.processes.as_ref().unwrap()[1].clone();
    environment.processes = Some((1..=30_000).map(|pid| Process { pid, ..process.clone() }).collect());
    let pieces: Vec<_> =
        Answer::new(&parse(VECTOR).unwrap(), &server(), &environment, Extent::Everything).collect();
    assert!(pieces.len() > 500 && pieces.iter().all(|piece| piece.len() < 64 * 1024), "{}", pieces.len());
    let text = String::from_utf8(pieces.concat()).unwrap();
    assert!(
        text.len() > 17_000_000
            && text.contains("<mon:name>30000</mon:name>")
            && text.contains("package-9999")
            && text.ends_with("</soap:Envelope>\n")
    );
    assert_eq!(faults_of(&[text]), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn answers_are_valid_whatever_names_and_values_there_are(
        names in prop::collection::vec("\\PC{0,12}|OperatingSystem|Certificates|Packages|Processes|[\\x00-\\x1f]{0,3}", 0..6),
        words in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..12), 1..6),
        values in prop::collection::vec(0.0..1.8e19_f64, 0..5),
    ) {
        let fields: String = names.iter().map(|name| format!("<mon:outputField>{}</mon:outputField>", telemetry_xroad::xml::escaped(name))).collect();
        let spec = format!("<mon:getSecurityServerMetrics><mon:outputSpec>{fields}</mon:outputSpec></mon:getSecurityServerMetrics>");
        let mut answers = Vec::new();
        let mut environment = environment();
        let word = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        environment.packages = Some(words.iter().map(|bytes| Package { name: word(bytes), version: word(bytes) }).collect());
        environment.operating_system = words.first().map(word);
        environment.windows = [Summary::of(values); 5];
        for xml in [VECTOR.to_owned(), VECTOR.replace("<mon:getSecurityServerMetrics/>", &spec)] {
            let request = parse(&xml).unwrap();
            for extent in [Extent::Limited, Extent::Everything] {
                answers.push(Answer::new(&request, &server(), &environment, extent).into_text());
            }
        }
        prop_assert_eq!(faults_of(&answers), "");
    }
}

proptest! {
    #[test]
    fn what_is_cut_or_changed_anywhere_is_judged(cut in 0..VECTOR.len() - 1, byte in any::<u8>()) {
        prop_assert!(Request::parse(Some("text/xml"), &VECTOR.as_bytes()[..cut]).is_err());
        let mut bytes = VECTOR.as_bytes().to_vec();
        bytes[cut] = byte;
        if let Ok(request) = Request::parse(Some("text/xml"), &bytes) {
            let answer = answer_to(&request, Extent::Limited);
            prop_assert!(telemetry_xroad::xml::document(&answer).is_ok(), "{}", answer);
        }
    }
}
