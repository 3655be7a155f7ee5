//! Compressed bodies: smaller on the way, the same at the collector, and never a reason to lose a record.

use system_tests::torture;
use test_harness::nginx::Manner;
use test_harness::{Collector, Nginx, Sandbox, until, waiting};

const RECORDS: usize = 100;

#[test]
fn compressed_bodies_arrive_as_they_were() {
    for (coding, api_path) in [
        ("gzip", "/v2/collector"),
        ("gzip", "/v3/collector"),
        ("zstd", "/v2/collector"),
        ("zstd", "/v3/collector"),
    ] {
        let mut sandbox = Sandbox::new();
        let collector = Collector::start(&mut sandbox, api_path);
        let nginx = Nginx::start(&sandbox, &collector.url, &Manner::default());
        sandbox.set("server", nginx.url(api_path)).set("server_compression", coding);
        sandbox.set("cainfo", nginx.certificates.authority().display());
        waiting::put(&sandbox, RECORDS);
        let mut telempostd = sandbox.start("telempostd");
        let mut payloads: Vec<_> =
            collector.wait_for(RECORDS).iter().map(|r| r["payload"].as_str().unwrap().to_owned()).collect();
        let mut expected: Vec<_> = (0..RECORDS).map(waiting::payload).collect();
        payloads.sort();
        expected.sort();
        assert_eq!(payloads, expected);
        for request in nginx.served(RECORDS) {
            assert_eq!(request.coding, coding);
            assert!(request.body_bytes > 0 && request.body_bytes < 1000, "{request:?}");
            assert!(
                api_path.contains("v3") || request.body_bytes < waiting::payload(0).len() / 4,
                "{request:?}"
            );
        }
        telempostd.stop();
    }
}

#[test]
fn what_would_not_become_smaller_goes_as_it_is() {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let nginx = Nginx::start(&sandbox, &collector.url, &Manner::default());
    sandbox.set("server", nginx.url("/v2/collector")).set("server_compression", "zstd");
    sandbox.set("cainfo", nginx.certificates.authority().display());
    waiting::put_these(&sandbox, vec!["short".to_owned(), waiting::payload(1)]);
    let _telempostd = sandbox.start("telempostd");
    collector.wait_for(2);
    let mut codings: Vec<_> = nginx.served(2).into_iter().map(|request| request.coding).collect();
    codings.sort();
    assert_eq!(codings, ["-", "zstd"]);
}

#[test]
fn a_server_that_takes_no_compressed_body_gets_plain_ones() {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let directives = "if ($http_content_encoding) { return 415; }".to_owned();
    let nginx = Nginx::start(&sandbox, &collector.url, &Manner { directives, ..Manner::default() });
    sandbox.set("server", nginx.url("/v2/collector")).set("server_compression", "gzip");
    sandbox.set("cainfo", nginx.certificates.authority().display());
    waiting::put(&sandbox, RECORDS);
    let mut telempostd = sandbox.start("telempostd");
    until("all records", || (torture::collected::count(&collector) == RECORDS).then_some(()));
    until("an empty spool", || sandbox.spooled().is_empty().then_some(()));
    // The probe has found it out, so that the others did not have to.
    assert_eq!(nginx.served(RECORDS + 1).iter().filter(|request| request.status == 415).count(), 1);
    let log = telempostd.log();
    assert_eq!(log.matches("takes no compressed bodies").count(), 1, "{log}");
    telempostd.stop();
}

#[test]
fn a_senders_own_server_gets_plain_bodies() {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let nginx = Nginx::start(&sandbox, &collector.url, &Manner::default());
    sandbox.set("server", nginx.url("/v2/collector")).set("server_compression", "zstd");
    sandbox.set("cainfo", nginx.certificates.authority().display());
    let _telemprobd = sandbox.start_telemprobd();
    let _telempostd = sandbox.start("telempostd");
    // The configuration that it names is this one, but of another's only server, cainfo and tidheader count.
    let payload = waiting::payload(1);
    assert!(
        sandbox.run("telem-record-gen", &["-c", "org.example/test/own", "-p", &payload]).status.success()
    );
    collector.wait_for(1);
    assert_eq!(nginx.served(1)[0].coding, "-");
}
