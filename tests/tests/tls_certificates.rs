//! Certificates that are not right: which check failed, for which host, is reported; nothing is delivered and
//! everything is kept, until the certificate is right.

use std::net::TcpListener;
use telemetry_store::delivery_status::DeliveryStatus;
use test_harness::certificates::Certificate;
use test_harness::nginx::Manner;
use test_harness::{Collector, Nginx, Process, Sandbox, until, waiting};

const RECORDS: usize = 5;

const ANYTHING: &str = "openssl_conf = all\n[all]\nssl_conf = modules\n[modules]\nsystem_default = lax\n\
                        [lax]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";

struct System {
    sandbox: Sandbox,
    collector: Collector,
    nginx: Nginx,
    telempostd: Process,
}

/// Starts delivery to a server that is out of order in this manner.
fn deliver(manner: &Manner, with_cainfo: bool) -> System {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "");
    let nginx = Nginx::start(&sandbox, &collector.url, manner);
    sandbox.set("server", nginx.url("/v2/collector"));
    if with_cainfo {
        sandbox.set("cainfo", nginx.certificates.authority().display());
    }
    waiting::put(&sandbox, RECORDS);
    // What OpenSSL would allow by itself, on a system that is set up for it.
    let anything = sandbox.write("openssl.cnf", ANYTHING);
    let mut command = sandbox.command("telempostd", &["-f", &sandbox.config_arg()]);
    command.env("OPENSSL_CONF", anything);
    let telempostd = Process::spawn(&sandbox.path(""), "telempostd", &mut command);
    System { sandbox, collector, nginx, telempostd }
}

impl System {
    /// Why the last delivery failed, as it stands in `delivery.json`.
    fn fault(&self) -> String {
        until("a failed delivery in the state", || {
            let status = DeliveryStatus::read(&self.sandbox.path("state")).ok().flatten()?;
            status.last_error.map(|fault| fault.reason)
        })
    }

    /// That this fault is reported everywhere, and costs no record.
    fn assert_reported(&self, parts: &[&str]) {
        let fault = self.fault();
        for part in parts {
            assert!(fault.contains(part), "`{part}` is not in: {fault}");
        }
        let shown =
            self.sandbox.command("telemctl", &["--config", &self.sandbox.config_arg(), "status", "--json"]);
        let shown = { shown }.output().unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert!(shown.to_string().contains(&serde_json::to_string(&fault).unwrap()), "{shown}");
        self.telempostd.wait_for_log(&fault);
        assert_eq!(self.sandbox.spooled().len(), RECORDS);
        assert_eq!((self.collector.records().len(), self.nginx.served(0).len()), (0, 0));
    }
}

#[test]
fn a_wrong_certificate_is_reported_with_check_and_host_and_a_right_one_lets_records_arrive() {
    for (certificate, reason) in [
        (Certificate::OtherHost, "not for this name"),
        (Certificate::Expired, "has expired"),
        (Certificate::NotYetValid, "not valid yet"),
        (Certificate::SelfSigned, "self-signed"),
    ] {
        let manner = Manner { certificate, ..Manner::default() };
        let mut system = deliver(&manner, true);
        system.assert_reported(&["localhost", reason]);
        system.nginx.change(&Manner::default());
        assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
        until("an empty spool", || system.sandbox.spooled().is_empty().then_some(()));
        system.telempostd.stop();
    }
}

#[test]
fn an_unknown_authority_is_reported_until_cainfo_names_it() {
    let mut system = deliver(&Manner::default(), false);
    system.assert_reported(&["localhost", "authority", "not known", "cainfo"]);
    let authority = system.nginx.certificates.authority();
    system.sandbox.set("cainfo", authority.display());
    system.telempostd.signal(nix::sys::signal::Signal::SIGHUP);
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    system.telempostd.stop();
}

#[test]
fn a_server_without_tls_1_2_is_refused() {
    let directives = "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;".to_owned();
    let system = deliver(&Manner { directives, ..Manner::default() }, true);
    system.assert_reported(&["localhost", "TLS 1.2"]);
    // That it was for this reason alone, the server not being out of order.
    let old = system.nginx.handshake(&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(old.contains("TLSv1.1"), "{old}");
}

#[test]
fn a_server_that_speaks_no_tls_is_reported() {
    let mut sandbox = Sandbox::new();
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    sandbox.set("server", format!("{}/v2/collector", collector.url.replace("http:", "https:")));
    waiting::put(&sandbox, RECORDS);
    let telempostd = sandbox.start("telempostd");
    telempostd.wait_for_log(&format!("{} does not speak TLS;", collector.url.trim_start_matches("http://")));
    assert_eq!(sandbox.spooled().len(), RECORDS);
}

#[test]
fn a_cainfo_that_cannot_be_used_is_reported() {
    for text in [None, Some("no certificate\n")] {
        let mut sandbox = Sandbox::new();
        let path = sandbox.path("authority.pem");
        if let Some(text) = text {
            sandbox.write("authority.pem", text);
        }
        // It takes connections, which is when the file is read.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/v2/collector", listener.local_addr().unwrap());
        sandbox.set("server", url).set("cainfo", path.display());
        waiting::put(&sandbox, RECORDS);
        let telempostd = sandbox.start("telempostd");
        telempostd.wait_for_log(&format!("cainfo={}: no file", path.display()));
        assert_eq!(sandbox.spooled().len(), RECORDS);
    }
}
