//! Proxies, named by the usual variables of the environment.

use std::process::Command;
use test_harness::nginx::Manner;
use test_harness::proxy::Proxy;
use test_harness::{Collector, Nginx, Process, Sandbox, programs, waiting};

const RECORDS: usize = 20;

/// Every variable that libcurl reads, so that those of who runs the test change nothing.
const VARIABLES: [&str; 7] =
    ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

fn start(sandbox: &Sandbox, environment: &[(&str, &str)]) -> Process {
    let mut command = Command::new(programs::path("telempostd"));
    command.args(["-f", &sandbox.config_arg()]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    Process::spawn(&sandbox.path(""), "telempostd", &mut command)
}

#[test]
fn http_goes_through_the_proxy() {
    for variable in ["http_proxy", "ALL_PROXY"] {
        let mut sandbox = Sandbox::new();
        let collector = Collector::start(&mut sandbox, "");
        let proxy = Proxy::start(collector.url.trim_start_matches("http://"));
        // A name that only the proxy makes something of.
        sandbox.set("server", "http://telemetry.invalid/v2/collector");
        waiting::put(&sandbox, RECORDS);
        let mut telempostd = start(&sandbox, &[(variable, &proxy.url)]);
        assert_eq!(collector.wait_for(RECORDS).len(), RECORDS);
        let form = "POST http://telemetry.invalid/v2/collector HTTP/1.1";
        assert_eq!(proxy.asked(), vec![form; RECORDS]);
        telempostd.stop();
    }
}

#[test]
fn https_goes_through_a_tunnel_and_is_checked_at_its_end() {
    for variable in ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        let mut sandbox = Sandbox::new();
        let collector = Collector::start(&mut sandbox, "");
        let nginx = Nginx::start(&sandbox, &collector.url, &Manner::default());
        let proxy = Proxy::start(&format!("127.0.0.1:{}", nginx.port));
        sandbox.set("cainfo", nginx.certificates.authority().display());
        sandbox.set("server", "https://telemetry.invalid/v2/collector");
        waiting::put(&sandbox, RECORDS);
        let mut telempostd = start(&sandbox, &[(variable, &proxy.url)]);
        telempostd.wait_for_log("the certificate of telemetry.invalid is not for this name");
        telempostd.stop();
        assert_eq!(sandbox.spooled().len(), RECORDS);

        sandbox.set("server", nginx.url("/v2/collector"));
        let mut telempostd = start(&sandbox, &[(variable, &proxy.url)]);
        assert_eq!(collector.wait_for(RECORDS).len(), RECORDS);
        assert!(nginx.served(RECORDS).iter().all(|request| request.protocol == "HTTP/2.0"));
        let asked = proxy.asked();
        assert_eq!(asked.first().unwrap(), "CONNECT telemetry.invalid:443 HTTP/1.1");
        assert_eq!(*asked.last().unwrap(), format!("CONNECT localhost:{} HTTP/1.1", nginx.port));
        telempostd.stop();
    }
}

#[test]
fn no_proxy_is_honoured() {
    for (variable, value) in
        [("no_proxy", "127.0.0.1"), ("NO_PROXY", "localhost,127.0.0.1"), ("no_proxy", "*")]
    {
        let mut sandbox = Sandbox::new();
        let collector = Collector::start(&mut sandbox, "/v2/collector");
        let proxy = Proxy::start(collector.url.trim_start_matches("http://"));
        waiting::put(&sandbox, RECORDS);
        let mut telempostd = start(&sandbox, &[("http_proxy", &proxy.url), (variable, value)]);
        assert_eq!(collector.wait_for(RECORDS).len(), RECORDS);
        assert_eq!(proxy.asked(), Vec::<String>::new());
        telempostd.stop();
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_reported_without_its_password() {
    for url in [
        "foo://user:se/cret@proxy.invalid:1",
        "http://user:se cret@proxy.invalid:x",
        "user:s'ecret@proxy.invalid:",
    ] {
        for (variable, server) in
            [("http_proxy", "http://telemetry.invalid/"), ("https_proxy", "https://telemetry.invalid/")]
        {
            let mut sandbox = Sandbox::new();
            sandbox.set("server", server);
            waiting::put(&sandbox, 1);
            let mut telempostd = start(&sandbox, &[(variable, url)]);
            telempostd.wait_for_log("records wait in the spool");
            let log = telempostd.stop();
            let said = |arguments: &[&str]| {
                let said = sandbox.telemctl(arguments).env(variable, url).output().unwrap();
                String::from_utf8([said.stdout, said.stderr].concat()).unwrap()
            };
            let identity = programs::command("telempost-identity", &["look", "telemetry.invalid:443"])
                .env(variable, url)
                .output()
                .unwrap();
            let texts = [
                log,
                said(&["status"]),
                said(&["status", "--json"]),
                said(&["doctor"]),
                said(&["trust", "telemetry.invalid:443"]),
                String::from_utf8(identity.stderr).unwrap(),
            ];
            for text in texts {
                assert!(!text.contains("user") || !text.contains(":s"), "{url}: {text}");
                assert!(!text.contains("ecret") && !text.contains("cret@"), "{url}: {text}");
            }
        }
    }
}

#[test]
fn a_proxy_that_is_not_there_is_reported_and_costs_nothing() {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    waiting::put(&sandbox, RECORDS);
    let telempostd = start(&sandbox, &[("http_proxy", "http://proxy.invalid:3128")]);
    telempostd.wait_for_log("proxy.invalid");
    assert_eq!((sandbox.spooled().len(), collector.records().len()), (RECORDS, 0));
}
