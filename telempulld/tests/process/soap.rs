//! The example of the description, and every wrong form.

use crate::machine::{Machine, OWNER, SOAP, posting, request};
use std::fs;
use std::process::Command;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/answers/tests/schema/envelope.xsd");

fn assert_valid(machine: &Machine, answer: &str) {
    let file = machine.path("answer.xml");
    fs::write(&file, answer).unwrap();
    let output =
        Command::new("xmllint").args(["--noout", "--nonet", "--schema", SCHEMA]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}: {answer}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_example_gets_a_complete_valid_answer() {
    let mut machine = Machine::new(SOAP);
    machine.trust(&[("owner", "client=fdev/GOV/1710128-9")]);
    machine.start();
    let got = machine.ask("owner", "/", &posting(&request(OWNER)));
    assert!(got.status == 200 && got.head.contains("content-type: text/xml; charset=UTF-8"), "{got:?}");
    assert_valid(&machine, &got.body);
    for part in [
        "<SOAP-ENV:Envelope\n\txmlns:SOAP-ENV=",
        "<xrd:id>ID11234</xrd:id><xrd:requestHash algorithmId=\"http://www.w3.org/2001/04/xmlenc#sha512\">",
        "<m:name>SERVER:fdev/GOV/1710128-9/fdev-ss1.i.palveluvayla.com</m:name>",
        "<m:stringMetric><m:name>proxyVersion</m:name>",
        "<m:value>SECURITY_SERVER_TLS</m:value>",
        "<m:stringMetric><m:name>OperatingSystem</m:name><m:value>Linux version ",
        "<m:numericMetric><m:name>DiskSpaceFree_/</m:name>",
        "<m:numericMetric><m:name>MaxFileDescriptorCount</m:name>",
        "<m:numericMetric><m:name>TotalSwapSpace</m:name>",
        "<m:histogramMetric><m:name>OpenFileDescriptorCount</m:name>",
        "<m:name>Processes</m:name>",
        "<m:name>Xroad Processes</m:name>",
    ] {
        assert!(got.body.contains(part), "{part}: {}", got.body);
    }
    let sum = Command::new("sh")
        .args([
            "-c",
            "printf %s \"$1\" | openssl dgst -sha512 -binary | openssl base64 -A",
            "sh",
            &request(OWNER),
        ])
        .output();
    // The shell's argument has lost the last newline of nothing: the request is hashed as it was posted.
    let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
    assert!(got.body.contains(&format!(">{sum}</xrd:requestHash>")), "{sum}");
}

#[test]
fn every_wrong_form_is_a_fault_with_status_200() {
    let mut machine = Machine::new(&format!("{SOAP}\npull_local=127.0.0.1:LOCAL"));
    machine.start();
    let right = request(OWNER);
    let deep = format!("{}{}", "<a>".repeat(9000), "</a>".repeat(9000));
    for (sent, code) in [
        (right.replace("<m:getSecurityServerMetrics/>", ""), "client.invalid_body"),
        (
            right.replace("<SOAP-ENV:Body>\n        <m:getSecurityServerMetrics/>\n    </SOAP-ENV:Body>", ""),
            "client.missing_body",
        ),
        (right.replace("SOAP-ENV:Header", "SOAP-ENV:Other"), "client.missing_header"),
        (right.replace("<xrd:id>ID11234</xrd:id>", ""), "client.missing_header_field"),
        (
            right.replace("<xrd:id>ID11234</xrd:id>", "<xrd:id>1</xrd:id><xrd:id>2</xrd:id>"),
            "client.duplicate_header_field",
        ),
        (right.replace("<m:getSecurityServerMetrics/>", "<m:other/>"), "client.inconsistent_headers"),
        (right.replace("fdev-ss1", "fdev-ss2"), "server.serverproxy.invalid_security_server"),
        (
            right.replace(
                "Metrics</id:serviceCode>",
                "Metrics</id:serviceCode><id:serviceVersion>v1</id:serviceVersion>",
            ),
            "server.serverproxy.unknown_service",
        ),
        (request("fdev/GOV/9"), "server.serverproxy.access_denied"),
        (format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{right}"), "client.invalid_xml"),
        (deep, "client.invalid_xml"),
        ("<".repeat(60_000), "client.invalid_xml"),
        (String::new(), "client.invalid_xml"),
    ] {
        let file = machine.path("request.xml");
        fs::write(&file, &sent).unwrap();
        let data = format!("@{}", file.display());
        let got = machine.ask_here("/", &posting(&data));
        let shown = &sent[..sent.len().min(300)];
        assert!(
            got.status == 200 && got.body.contains(&format!("<faultcode>{code}</faultcode>")),
            "{shown}: {got:?}"
        );
        assert_valid(&machine, &got.body);
    }
    let utf16: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = machine.path("request.xml");
    fs::write(&file, utf16).unwrap();
    let data = format!("@{}", file.display());
    assert!(machine.ask_here("/", &posting(&data)).body.contains("client.invalid_xml"));
    fs::write(&file, "<".repeat(2_000_000)).unwrap();
    assert_eq!(machine.ask_here("/", &posting(&data)).status, 413);
    let chunked = [&posting(&data)[..], &["-H", "Transfer-Encoding: chunked"]].concat();
    assert_eq!(machine.ask_here("/", &chunked).status, 413);
    let got = machine.ask_here("/", &["-H", "Content-Type: application/json", "--data-binary", "{}"]);
    assert!(got.body.contains("<faultcode>client.invalid_content_type</faultcode>"), "{got:?}");
    machine.configure(&format!("{SOAP}\npull_local=127.0.0.1:LOCAL\nfault_style=7.7"));
    machine.signal("HUP");
    crate::machine::wait_until("it reloads", || machine.log().contains("is read again"));
    let got = machine.ask_here("/", &posting(&request("fdev/GOV/9")));
    assert!(got.body.contains("<faultcode>Server.ServerProxy.AccessDenied</faultcode>"), "{got:?}");
    assert!(
        got.body.contains("Request is not allowed: SERVICE:fdev/GOV/1710128-9/getSecurityServerMetrics"),
        "{got:?}"
    );
}

#[test]
fn the_central_client_is_whom_an_administrator_names() {
    let mut machine = Machine::new(SOAP);
    machine.trust(&[("admin", "role=administrate"), ("central", "client=fdev/GOV/2/MON")]);
    machine.start();
    let asked =
        |part: &str| machine.ask("central", "/", &posting(&request("fdev/GOV/2/MON"))).body.contains(part);
    assert!(asked("access_denied"));
    assert_eq!(machine.ask("admin", "/v1/monitoring-params", &[]).status, 404);
    let put =
        |text: &str| machine.ask("admin", "/v1/monitoring-params", &["-X", "PUT", "--data-binary", text]);
    assert_eq!(put(&Machine::params("2")).status, 204);
    assert!(asked("SystemCpuLoad"));
    let broken = put(&Machine::params("3").replace("<i:memberCode>3</i:memberCode>", ""));
    assert!(
        broken.status == 400 && broken.body.contains("line 1: ") && broken.body.contains("memberCode"),
        "{broken:?}"
    );
    assert!(asked("SystemCpuLoad"));
    assert_eq!(machine.ask("admin", "/v1/monitoring-params", &[]).body, Machine::params("2"));
    // It outlives a restart; broken from outside, nobody but the owner is left.
    machine.stop();
    machine.start();
    let asked =
        |part: &str| machine.ask("central", "/", &posting(&request("fdev/GOV/2/MON"))).body.contains(part);
    assert!(asked("SystemCpuLoad"));
    machine.stop();
    fs::write(machine.path("state/telempulld/monitoring-params.xml"), "<broken").unwrap();
    machine.start();
    let asked = machine.ask("central", "/", &posting(&request("fdev/GOV/2/MON"))).body;
    assert!(asked.contains("access_denied"), "{asked}");
}
