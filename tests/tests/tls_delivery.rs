//! Delivery over TLS to nginx before the collector: HTTP/2, many requests on one connection, both forms.

use std::collections::BTreeSet;
use system_tests::torture;
use test_harness::nginx::{Manner, Served};
use test_harness::{Collector, Nginx, Process, Sandbox, until, waiting};

struct System {
    sandbox: Sandbox,
    collector: Collector,
    nginx: Nginx,
    telempostd: Process,
}

/// Starts delivery of this many records that wait, through nginx.
fn deliver(records: usize, api_path: &str, manner: &Manner) -> System {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, api_path);
    let nginx = Nginx::start(&sandbox, &collector.url, manner);
    sandbox.set("server", nginx.url(api_path)).set("rate_limit_enabled", false);
    sandbox.set("cainfo", nginx.certificates.authority().display());
    waiting::put(&sandbox, records);
    let telempostd = sandbox.start("telempostd");
    System { sandbox, collector, nginx, telempostd }
}

impl System {
    /// Waits until this many records arrived and left the spool; returns what nginx saw.
    fn wait_for(&self, records: usize) -> Vec<Served> {
        until(&format!("{records} records: {}", self.telempostd.log()), || {
            (torture::collected::count(&self.collector) == records).then_some(())
        });
        until("an empty spool", || self.sandbox.spooled().is_empty().then_some(()));
        let served = self.nginx.served(records);
        assert_eq!(served.iter().map(|request| request.status).collect::<BTreeSet<_>>(), [201].into());
        served
    }
}

fn connections(served: &[Served]) -> usize {
    served.iter().map(|request| request.connection).collect::<BTreeSet<_>>().len()
}

#[test]
fn hundreds_of_records_share_a_connection_of_http_2() {
    for api_path in ["/v2/collector", "/v3/collector"] {
        let mut system = deliver(600, api_path, &Manner::default());
        let served = system.wait_for(600);
        assert_eq!(served.len(), 600);
        assert!(served.iter().all(|request| request.protocol == "HTTP/2.0"), "{served:?}");
        assert_eq!(connections(&served), 1);
        let record = &system.collector.records()[0];
        assert_eq!(record["classification"], "org.example/test/waiting");
        system.telempostd.stop();
    }
}

#[test]
fn a_server_of_http_1_gets_a_few_kept_connections() {
    let manner = Manner { http2: false, ..Manner::default() };
    let mut system = deliver(600, "/v2/collector", &manner);
    let served = system.wait_for(600);
    assert!(served.iter().all(|request| request.protocol == "HTTP/1.1"), "{served:?}");
    assert!((2..=8).contains(&connections(&served)), "{}", connections(&served));
    system.telempostd.stop();
}

/// What the log has but for the news of this machine's first certificate.
fn complaints(log: &str) -> Vec<&str> {
    log.lines().filter(|line| !line.contains(": new certificate ")).collect()
}

#[test]
fn a_server_that_often_closes_costs_no_error() {
    for http2 in [true, false] {
        let directives = "keepalive_requests 50;".to_owned();
        let mut system = deliver(600, "/v2/collector", &Manner { http2, directives, ..Manner::default() });
        let served = system.wait_for(600);
        assert!(connections(&served) >= 600 / 50, "{}", connections(&served));
        assert_eq!(served.len(), 600, "none was sent twice");
        assert_eq!(complaints(&system.telempostd.log()), [""; 0]);
        system.telempostd.stop();
    }
}

#[test]
fn an_idle_connection_that_the_server_closed_costs_no_error() {
    for http2 in [true, false] {
        let directives = "keepalive_timeout 1s;".to_owned();
        let mut system = deliver(1, "/v2/collector", &Manner { http2, directives, ..Manner::default() });
        system.wait_for(1);
        until("the end of the connection", || (system.nginx.open_connections() == 0).then_some(()));
        waiting::put(&system.sandbox, 1);
        let served = system.wait_for(2);
        assert_eq!((served.len(), connections(&served)), (2, 2));
        assert_eq!(complaints(&system.telempostd.log()), [""; 0]);
        system.telempostd.stop();
    }
}
