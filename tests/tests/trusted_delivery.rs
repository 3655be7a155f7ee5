//! Delivery to servers that are trusted by the fingerprint of their certificate, and to servers that trust this machine so:
//! nginx in front of the collector, as installations have it.

use std::fs;
use std::process::{Command, Output};
use telemetry_store::delivery_status::DeliveryStatus;
use test_harness::certificates::Certificate;
use test_harness::nginx::Manner;
use test_harness::{Collector, Nginx, Process, Sandbox, until, waiting};

const RECORDS: usize = 5;

struct System {
    sandbox: Sandbox,
    collector: Collector,
    nginx: Nginx,
}

impl System {
    fn new(manner: &Manner) -> Self {
        let mut sandbox = Sandbox::new();
        let collector = Collector::start(&mut sandbox, "");
        let nginx = Nginx::start(&sandbox, &collector.url, manner);
        sandbox.set("server", nginx.url("/v2/collector"));
        waiting::put(&sandbox, RECORDS);
        Self { sandbox, collector, nginx }
    }

    fn telemctl(&self, arguments: &[&str]) -> Output {
        let config = self.sandbox.config_arg();
        let arguments = [&["--config", &config], arguments].concat();
        self.sandbox.command("telemctl", &arguments).output().unwrap()
    }

    /// What `telemctl` prints, of a command that succeeds.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.telemctl(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn telempostd(&self) -> Process {
        self.sandbox.start("telempostd")
    }

    fn server(&self) -> String {
        format!("localhost:{}", self.nginx.port)
    }

    /// Why the last delivery failed, once that has these words.
    fn fault(&self, words: &str) -> String {
        until(&format!("a fault with `{words}`"), || {
            let status = DeliveryStatus::read(&self.sandbox.path("state")).ok().flatten()?;
            status.last_error.map(|fault| fault.reason).filter(|reason| reason.contains(words))
        })
    }

    fn assert_nothing_is_lost(&self) {
        assert_eq!(self.sandbox.spooled().len(), RECORDS);
        assert_eq!(self.collector.records().len(), 0);
    }

    fn fingerprint(&self, certificate: Certificate) -> String {
        let path = self.nginx.certificates.certificate(certificate);
        let output = Command::new("openssl")
            .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(path)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim_end().split_once('=').unwrap().1.to_owned()
    }
}

fn shows(certificate: Certificate) -> Manner {
    Manner { certificate, ..Manner::default() }
}

#[test]
fn a_server_that_is_trusted_by_its_fingerprint_needs_neither_name_nor_authority_nor_date() {
    for certificate in
        [Certificate::SelfSigned, Certificate::Expired, Certificate::OtherHost, Certificate::NotYetValid]
    {
        let system = System::new(&shows(certificate));
        let fingerprint = system.fingerprint(certificate);
        let said = system.told(&["trust", &system.server()]);
        assert!(said.contains(&format!("{} is trusted by {fingerprint}", system.server())), "{said}");
        let mut telempostd = system.telempostd();
        assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
        telempostd.stop();
        assert!(system.told(&["trust", "list"]).starts_with(&fingerprint));
    }
}

#[test]
fn an_unknown_certificate_is_named_with_the_command_that_trusts_it_and_records_then_arrive_at_once() {
    let system = System::new(&shows(Certificate::SelfSigned));
    let fingerprint = system.fingerprint(Certificate::SelfSigned);
    let telempostd = system.telempostd();
    let fault = system.fault("self-signed");
    let (_, command) = fault.rsplit_once("telemctl ").unwrap();
    assert_eq!(command, format!("trust {} --fingerprint {fingerprint}", system.server()));
    system.assert_nothing_is_lost();
    let said = system.told(&command.split(' ').collect::<Vec<_>>());
    assert!(said.contains("telempostd reads it now"), "{said}");
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    { telempostd }.stop();
}

#[test]
fn a_changed_certificate_is_refused_with_both_and_nothing_is_sent_until_it_is_trusted() {
    let mut system = System::new(&shows(Certificate::SelfSigned));
    system.told(&["trust", &system.server()]);
    system.nginx.change(&Manner::default());
    let mut telempostd = system.telempostd();
    let (old, new) = (system.fingerprint(Certificate::SelfSigned), system.fingerprint(Certificate::Good));
    // An authority would trust the new one: the fingerprint is what counts.
    let fault = system.fault("another certificate");
    assert!(fault.contains(&old) && fault.contains(&new), "{fault}");
    system.assert_nothing_is_lost();
    assert_eq!(system.nginx.served(0), []);
    system.told(&["trust", &system.server(), "--fingerprint", &new]);
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    telempostd.stop();

    // Taken away while it runs, the trust is gone with the next record.
    let mut telempostd = system.telempostd();
    system.told(&["trust", "remove", &new]);
    waiting::put(&system.sandbox, 1);
    system.fault("another certificate");
    assert_eq!(system.collector.records().len(), RECORDS);
    telempostd.stop();
}

#[test]
fn a_server_that_knows_this_machine_by_its_fingerprint_gets_its_certificate_and_no_other_server_does() {
    // As `proxy_set_header` of an installation: the certificate goes to the collector's log, here to nginx's answer.
    let demands = "ssl_verify_client optional_no_ca; ssl_protocols TLSv1.3;
                   if ($ssl_client_fingerprint = '') { return 496; }";
    let manner = Manner { directives: demands.to_owned(), ..shows(Certificate::SelfSigned) };
    let mut system = System::new(&manner);
    system.told(&["trust", &system.server()]);
    let mut telempostd = system.telempostd();
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    let known = system.told(&["identity"]);
    let file =
        fs::read_to_string(system.sandbox.path("state/identity/telempostd/cli_certificate.fingerprint"));
    assert_eq!(known, file.unwrap());
    telempostd.stop();

    // Without a pin it is shown to nobody, and the server's refusal costs no record.
    system.told(&["trust", "remove", &system.fingerprint(Certificate::SelfSigned)]);
    system.nginx.change(&Manner { directives: demands.to_owned(), ..Manner::default() });
    let authority = system.nginx.certificates.authority();
    system.sandbox.set("cainfo", authority.display());
    waiting::put(&system.sandbox, 1);
    let mut telempostd = system.telempostd();
    system.fault("certificate");
    assert!(!system.sandbox.spooled().is_empty());
    telempostd.stop();
    system.sandbox.set("client_certificate", "always");
    let mut telempostd = system.telempostd();
    assert_eq!(system.collector.wait_for(RECORDS + 1).len(), RECORDS + 1);
    telempostd.stop();
}

#[test]
fn a_trust_file_with_a_fault_is_named_with_its_line_and_nothing_is_delivered() {
    let system = System::new(&shows(Certificate::Good));
    fs::create_dir_all(system.sandbox.path("etc/telempostd")).unwrap();
    let path = system.sandbox.path("etc/telempostd/trusted_certificates.cfg");
    fs::write(&path, "# one\n12:34 server=localhost:1\n").unwrap();
    let mut telempostd = system.telempostd();
    let fault = system.fault("trusted_certificates.cfg");
    assert!(fault.contains("line 2: a fingerprint is 64 hexadecimal digits"), "{fault}");
    system.assert_nothing_is_lost();
    let failed = system.telemctl(&["trust", &system.server(), "--fingerprint", &"ab".repeat(32)]);
    assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("line 2"));
    telempostd.stop();
}
