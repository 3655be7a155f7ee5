//! Answers as telempulld and X-Road send them, and every other one.

use proptest::prelude::*;

use super::super::definition::Soap;
use super::*;
use crate::samples::pulled::Answer;

const SERVER: &str = "LAB/ORG/4711-0/node-17.lab.example";

fn request() -> Request {
    let soap = Soap {
        client: "LAB/ORG/4711-0".parse().unwrap(),
        owner: "LAB/ORG/4711-0".parse().unwrap(),
        server: Some(SERVER.parse().unwrap()),
    };
    Request::with_id(&soap, "id-1".to_owned())
}

/// What a server makes of a request: its envelope and headers come back, the hash behind the id, metrics in the body.
fn envelope(request: &Request, metrics: &str) -> String {
    let hash = format!(
        "</xrd:id><xrd:requestHash algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha512\">{}</xrd:requestHash>",
        request.hash()
    );
    let text = request.text.replacen("</xrd:id>", &hash, 1);
    let begin = text.find("<m:getSecurityServerMetrics>").unwrap();
    let end = text.find("</SOAP-ENV:Body>").unwrap();
    format!(
        "{}<m:getSecurityServerMetricsResponse>{metrics}</m:getSecurityServerMetricsResponse>{}",
        &text[..begin],
        &text[end..]
    )
}

const METRICS: &str = "<m:metricSet><m:name>SERVER:LAB/ORG/4711-0/node-17.lab.example</m:name>\
    <m:numericMetric><m:name>proxyVersion</m:name><m:value>4.0</m:value></m:numericMetric>\
    <m:metricSet><m:name>systemMetrics</m:name>\
    <m:metricSet><m:name>Certificates</m:name><m:metricSet><m:name>certificate-9A:0B</m:name>\
    <m:stringMetric><m:name>sha1Hash</m:name><m:value>9A:0B:4C:11:5E:72:DD:08:31:6F</m:value></m:stringMetric>\
    <m:stringMetric><m:name>notBefore</m:name><m:value>2026-02-03T08:15:00Z</m:value></m:stringMetric>\
    <m:stringMetric><m:name>notAfter</m:name><m:value>2028-02-03T08:15:00Z</m:value></m:stringMetric>\
    <m:stringMetric><m:name>certificateType</m:name><m:value>SECURITY_SERVER_TLS</m:value></m:stringMetric>\
    <m:stringMetric><m:name>active</m:name><m:value>true</m:value></m:stringMetric></m:metricSet></m:metricSet>\
    <m:numericMetric><m:name>DiskSpaceFree_/</m:name><m:value>71230402560</m:value></m:numericMetric>\
    <m:numericMetric><m:name>DiskSpaceTotal_/</m:name><m:value>126692069376</m:value></m:numericMetric>\
    <m:stringMetric><m:name>OperatingSystem</m:name><m:value>Linux version 6.12</m:value></m:stringMetric>\
    <m:numericMetric><m:name>TotalPhysicalMemory</m:name><m:value>8258998272</m:value></m:numericMetric>\
    <m:histogramMetric><m:name>SystemCpuLoad</m:name><m:updated>2026-11-26T21:30:05.120Z</m:updated><m:min>1.0</m:min>\
    <m:max>37.0</m:max><m:mean>14.0</m:mean><m:median>4.0</m:median><m:stddev>19.974984355438178</m:stddev></m:histogramMetric>\
    <m:metricSet><m:name>Processes</m:name><m:metricSet><m:name>512</m:name>\
    <m:numericMetric><m:name>processId</m:name><m:value>512</m:value></m:numericMetric></m:metricSet></m:metricSet>\
    </m:metricSet></m:metricSet>";

fn good() -> (Request, String) {
    let request = request();
    let text = envelope(&request, METRICS);
    (request, text)
}

fn points(answer: &Answer) -> Vec<(String, f64)> {
    let point = |point: &crate::samples::Point| {
        (format!("{}{{{}}}", point.series.name, point.series.labels), point.value)
    };
    answer.reading.points.iter().map(point).collect()
}

#[test]
fn metrics_become_series() {
    let (request, text) = good();
    let answer = read(text.as_bytes(), &request).unwrap();
    assert_eq!(answer.server.as_deref(), Some(SERVER));
    assert_eq!(answer.client_version.as_deref(), Some("4.0"), "a number there, a version here");
    assert_eq!(answer.operating_system.as_deref(), Some("Linux version 6.12"));
    let expected = [
        ("system_filesystem_usage_bytes{mountpoint=\"/\",state=\"free\"}", 71_230_402_560.0),
        ("system_filesystem_usage_bytes{mountpoint=\"/\",state=\"used\"}", 55_461_666_816.0),
        ("system_memory_limit_bytes{}", 8_258_998_272.0),
        (
            "telemetry_certificate_not_after_timestamp_seconds{path=\"SECURITY_SERVER_TLS\",sha256=\"9a0b4c115e72dd08\"}",
            1_833_178_500.0,
        ),
        ("xroad_system_cpu_load_percent{statistic=\"max\"}", 37.0),
        ("xroad_system_cpu_load_percent{statistic=\"mean\"}", 14.0),
        ("xroad_system_cpu_load_percent{statistic=\"median\"}", 4.0),
        ("xroad_system_cpu_load_percent{statistic=\"min\"}", 1.0),
        ("xroad_system_cpu_load_percent{statistic=\"stddev\"}", 19.974_984_355_438_178),
    ];
    let found = points(&answer);
    assert_eq!(found.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>(), expected);
    // A server without inner client says its version alone.
    let (request, _) = good();
    let bare = "<m:metricSet><m:name>SERVER:LAB/ORG/4711-0/node-17.lab.example</m:name><m:stringMetric>\
                <m:name>proxyVersion</m:name><m:value>7.1</m:value></m:stringMetric></m:metricSet>";
    let answer = read(envelope(&request, bare).as_bytes(), &request).unwrap();
    assert_eq!((answer.reading.points.len(), answer.client_version.as_deref()), (0, Some("7.1")));
}

#[test]
fn another_prefix_is_the_same() {
    let (request, text) = good();
    let text = text
        .replace("m:", "other:")
        .replace("xmlns:m=", "xmlns:other=")
        .replace("xrd:", "x:")
        .replace("xmlns:xrd", "xmlns:x");
    assert!(read(text.as_bytes(), &request).is_ok());
}

#[test]
fn what_is_no_answer_to_it_is_a_fault() {
    let (request, text) = good();
    for (from, to, expected) in [
        (
            "node-17.lab.example</m:name>",
            "node-18</m:name>",
            "another machine answers: LAB/ORG/4711-0/node-18",
        ),
        ("SERVER:LAB/ORG/4711-0/", "nothing", "does not say which server"),
        (">id-1<", ">id-2<", "id is not the one"),
        ("<xrd:requestHash", "<xrd:other", "no XML that can be read"),
        ("node-17.lab.example</id:serverCode>", "node-18</id:serverCode>", "securityServer is not"),
        ("<id:serviceCode>get", "<id:serviceCode>set", "service is not"),
        ("<id:memberCode>4711-0", "<id:memberCode>4711", "client is not"),
        ("getSecurityServerMetricsResponse", "anotherResponse", "its answer is anotherResponse"),
        ("SOAP-ENV:Header>", "SOAP-ENV:Head>", "no header of SOAP"),
        ("SOAP-ENV:Body>", "SOAP-ENV:Bodies>", "no body of SOAP"),
        ("<?xml", "<!DOCTYPE x [<!ENTITY y 'z'>]><?xml", "no XML that can be read"),
    ] {
        let error = read(text.replace(from, to).as_bytes(), &request).unwrap_err();
        assert!(error.contains(expected), "{from}: {error}");
    }
    let begin = text.find("<xrd:requestHash").unwrap();
    let end = text.find("</xrd:requestHash>").unwrap() + "</xrd:requestHash>".len();
    let without = format!("{}{}", &text[..begin], &text[end..]);
    assert!(read(without.as_bytes(), &request).unwrap_err().contains("no requestHash"));
    let other = Request::with_id(&Soap { server: None, ..request.soap.clone() }, "id-1".to_owned());
    assert!(read(text.as_bytes(), &other).unwrap_err().contains("requestHash is not"));
    assert!(read(b"<html/>", &request).unwrap_err().contains("is html, and no envelope"));
    assert!(read(b"", &request).is_err());
    let huge = format!("<a>{}</a>", "<b/>".repeat(600_000));
    assert!(read(huge.as_bytes(), &request).unwrap_err().contains("no XML that can be read"));
}

#[test]
fn faults_are_read_in_both_spellings() {
    let fault = |code: &str, text: &str| {
        format!(
            "<?xml version=\"1.0\"?><S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\"><S:Body><S:Fault>\
             <faultcode>{code}</faultcode><faultstring>{text}</faultstring><faultactor/><detail><faultDetail>x</faultDetail>\
             </detail></S:Fault></S:Body></S:Envelope>"
        )
    };
    for code in ["Server.ServerProxy.AccessDenied", "server.serverproxy.access_denied"] {
        let error = read(fault(code, "Request is not allowed").as_bytes(), &request()).unwrap_err();
        let expected =
            format!("it answers with the fault {code}: Request is not allowed; client= has to be the owner");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = read(fault("Server.ServerProxy.InternalError", "Unable\nto read").as_bytes(), &request())
        .unwrap_err();
    assert_eq!(error, "it answers with the fault Server.ServerProxy.InternalError: Unable\u{fffd}to read");
}

#[test]
fn what_it_is_asked_is_what_telempulld_reads() {
    let text = request().text;
    let document = telemetry_xroad::xml::document(&text).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "Envelope");
    assert!(!text.contains("Processes") && !text.contains("Packages"), "nobody needs them here");
    let odd = Soap { client: "L/O/<&>\"'/S".parse().unwrap(), owner: "L/O/1".parse().unwrap(), server: None };
    let request = Request::new(&odd);
    assert!(telemetry_xroad::xml::document(&request.text).is_ok(), "{}", request.text);
    assert_ne!(request.id, Request::new(&odd).id);
    let text = envelope(&request, &METRICS.replace("4711-0/node-17.lab.example", "1/any"));
    let text = text.replace("SERVER:LAB/ORG", "SERVER:L/O");
    assert_eq!(
        read(text.as_bytes(), &request).unwrap().server.as_deref(),
        Some("L/O/1/any"),
        "whichever of that owner"
    );
}

proptest! {
    #[test]
    fn an_answer_that_is_cut_is_none(cut in 0_usize..10_000) {
        let (request, text) = good();
        let cut = cut % text.trim_end().len();
        prop_assert!(read(&text.as_bytes()[..cut], &request).is_err());
    }

    #[test]
    fn whatever_byte_is_another_it_is_judged(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (request, text) = good();
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(answer) = read(&bytes, &request) {
            prop_assert!(answer.reading.points.iter().all(|point| point.value.is_finite()));
        }
    }
}
