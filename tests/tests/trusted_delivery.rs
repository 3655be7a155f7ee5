//! Delivery to servers that are trusted by the fingerprint of their certificate, and to servers that trust this machine so:
//! nginx in front of the collector, as installations have it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
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
    fn run_telemctl(&self, arguments: &[&str]) -> String {
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
    for certificate in [
        Certificate::SelfSigned,
        Certificate::Expired,
        Certificate::OtherHost,
        Certificate::NotYetValid,
        Certificate::Version1,
    ] {
        let system = System::new(&shows(certificate));
        let fingerprint = system.fingerprint(certificate);
        let said = system.run_telemctl(&["trust", &system.server()]);
        assert!(said.contains(&format!("{} is trusted by {fingerprint}", system.server())), "{said}");
        let mut telempostd = system.telempostd();
        assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
        telempostd.stop();
        assert!(system.run_telemctl(&["trust", "list"]).starts_with(&fingerprint));
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
    let said = system.run_telemctl(&command.split(' ').collect::<Vec<_>>());
    assert!(said.contains("telempostd reads it now"), "{said}");
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    { telempostd }.stop();
}

#[test]
fn a_changed_certificate_is_refused_with_both_and_nothing_is_sent_until_it_is_trusted() {
    let mut system = System::new(&shows(Certificate::SelfSigned));
    system.run_telemctl(&["trust", &system.server()]);
    system.nginx.change(&Manner::default());
    let mut telempostd = system.telempostd();
    let (old, new) = (system.fingerprint(Certificate::SelfSigned), system.fingerprint(Certificate::Good));
    // An authority would trust the new one: the fingerprint is what counts.
    let fault = system.fault("another certificate");
    assert!(fault.contains(&old) && fault.contains(&new), "{fault}");
    system.assert_nothing_is_lost();
    assert_eq!(system.nginx.served(0), []);
    system.run_telemctl(&["trust", &system.server(), "--fingerprint", &new]);
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    telempostd.stop();

    // Taken away while it runs, the trust is gone with the next record.
    let mut telempostd = system.telempostd();
    system.run_telemctl(&["trust", "remove", &new]);
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
    system.run_telemctl(&["trust", &system.server()]);
    let mut telempostd = system.telempostd();
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    let known = system.run_telemctl(&["identity"]);
    let file =
        fs::read_to_string(system.sandbox.path("state/identity/telempostd/cli_certificate.fingerprint"));
    assert_eq!(known, file.unwrap());
    telempostd.stop();

    // Without a pin it is shown to nobody, and the server's refusal costs no record.
    system.run_telemctl(&["trust", "remove", &system.fingerprint(Certificate::SelfSigned)]);
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
fn the_first_certificate_in_a_window_is_trusted_and_no_start_opens_it_again() {
    let mut system = System::new(&shows(Certificate::SelfSigned));
    let identity = system.sandbox.path("state/identity/telempostd");
    let said = system.run_telemctl(&["trust", "--first-use", "5"]);
    assert!(said.contains("For 5 minutes"), "{said}");
    let window = fs::read_to_string(identity.join("first-use")).unwrap();
    let mut telempostd = system.telempostd();
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    telempostd.stop();
    let fingerprint = system.fingerprint(Certificate::SelfSigned);
    let learned = fs::read_to_string(identity.join("trusted_learned.cfg")).unwrap();
    assert!(
        learned.starts_with(&format!("{fingerprint} server={} by=first-use since=", system.server())),
        "{learned}"
    );
    assert!(system.run_telemctl(&["trust", "list"]).contains("(learned on first use since "));

    // Another one is refused, though the time is not up, and also once the first is taken away.
    system.nginx.change(&Manner::default());
    waiting::put(&system.sandbox, 1);
    let mut telempostd = system.telempostd();
    system.fault("another certificate");
    system.run_telemctl(&["trust", "remove", &fingerprint]);
    system.fault("unable to get local issuer");
    telempostd.stop();
    assert_eq!(system.collector.records().len(), RECORDS);
    assert!(
        !identity.join("first-use").exists()
            || fs::read_to_string(identity.join("first-use")).unwrap() != window
    );
}

#[test]
fn opt_in_opens_the_window_once_and_an_authority_or_its_end_leave_it_without_effect() {
    let mut system = System::new(&shows(Certificate::SelfSigned));
    system.sandbox.set("trust_first_use", "7");
    let window = system.sandbox.path("state/identity/telempostd/first-use");
    let learned = system.sandbox.path("state/identity/telempostd/trusted_learned.cfg");
    let mut telempostd = system.telempostd();
    system.fault("self-signed");
    telempostd.stop();
    assert!(!window.exists(), "a start opened it");

    fs::remove_file(system.sandbox.path("etc/opt-in")).unwrap();
    system.run_telemctl(&["opt-in"]);
    let text = fs::read_to_string(&window).unwrap();
    assert!(system.run_telemctl(&["opt-in"]).contains("Already opted in"));
    assert_eq!(fs::read_to_string(&window).unwrap(), text);
    // Its time is up, then it is of another boot: neither is one, nor does it stay.
    let boot_id = text.split(' ').next().unwrap();
    for over in [format!("{boot_id} 1\n"), format!("{} 9999999999\n", boot_id.replace(char::is_numeric, "x"))]
    {
        fs::write(&window, over).unwrap();
        let mut telempostd = system.telempostd();
        until("the file of the window goes", || (!window.exists()).then_some(()));
        telempostd.stop();
    }
    // Authorities that are named decide.
    fs::write(&window, text).unwrap();
    system.sandbox.set("cainfo", system.nginx.certificates.authority().display());
    fs::remove_file(system.sandbox.path("state/delivery.json")).unwrap();
    let mut telempostd = system.telempostd();
    system.fault("self-signed");
    telempostd.stop();
    assert!(!learned.exists());
    system.assert_nothing_is_lost();
}

#[test]
fn a_certificate_of_the_administrators_own_is_shown_whatever_openssl_made_it_from() {
    let demands = "ssl_verify_client optional_no_ca; ssl_protocols TLSv1.3; if ($ssl_client_fingerprint = '') { return 496; }";
    let system = System::new(&Manner { directives: demands.to_owned(), ..shows(Certificate::Version1) });
    system.run_telemctl(&["trust", &system.server()]);
    let folder = system.sandbox.path("own");
    let identity = system.sandbox.path("state/identity/telempostd/cli_certificate.pem");
    fs::create_dir(&folder).unwrap();
    fs::create_dir_all(identity.parent().unwrap()).unwrap();
    for (round, key) in [
        "genrsa -traditional -out k 2048",
        "ecparam -name prime256v1 -genkey -noout -out k",
        "genpkey -algorithm RSA -out k",
    ]
    .into_iter()
    .enumerate()
    {
        for arguments in
            [key, "req -new -key k -subj /CN=x -out r", "x509 -req -in r -signkey k -days 9 -out c"]
        {
            let output =
                Command::new("openssl").args(arguments.split(' ')).current_dir(&folder).output().unwrap();
            assert!(output.status.success(), "{arguments}");
        }
        let pem = ["k", "c"].map(|name| fs::read(folder.join(name)).unwrap()).concat();
        fs::write(&identity, pem).unwrap();
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
        waiting::put(&system.sandbox, 1);
        let mut telempostd = system.telempostd();
        assert_eq!(system.collector.wait_for(RECORDS + round + 1).len(), RECORDS + round + 1, "{key}");
        telempostd.stop();
    }
}

#[test]
fn a_key_that_does_not_fit_is_replaced_and_one_that_others_can_read_is_an_error() {
    let demands = "ssl_verify_client optional_no_ca; ssl_protocols TLSv1.3; if ($ssl_client_fingerprint = '') { return 496; }";
    let system = System::new(&Manner { directives: demands.to_owned(), ..shows(Certificate::SelfSigned) });
    system.run_telemctl(&["trust", &system.server()]);
    let before = system.run_telemctl(&["identity"]);
    let folder = system.sandbox.path("state/identity/telempostd");
    let pem = folder.join("cli_certificate.pem");
    fs::set_permissions(&pem, fs::Permissions::from_mode(0o640)).unwrap();
    let mut telempostd = system.telempostd();
    system.fault("certificate");
    system.assert_nothing_is_lost();
    assert!(telempostd.stop().contains("others can read or write it"));
    assert_eq!(fs::read_to_string(folder.join("cli_certificate.fingerprint")).unwrap(), before);

    // The certificate of one key with another.
    fs::set_permissions(&pem, fs::Permissions::from_mode(0o600)).unwrap();
    let own = fs::read_to_string(&pem).unwrap();
    let other = fs::read_to_string(system.nginx.certificates.certificate(Certificate::Good)).unwrap();
    let (key, _) = own.split_once("-----BEGIN CERTIFICATE").unwrap();
    fs::write(&pem, format!("{key}{other}")).unwrap();
    let mut telempostd = system.telempostd();
    assert_eq!(system.collector.wait_for(RECORDS).len(), RECORDS);
    assert!(telempostd.stop().contains("its certificate is about another key"));
    assert!(folder.join("cli_certificate.pem.malformed-1").exists());
    assert_ne!(system.run_telemctl(&["identity"]), before);
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
