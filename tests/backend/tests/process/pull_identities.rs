//! Our next certificate, as machines learn it that are asked: whatever we know them by, they know us by the present one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::telempulld::{Home, LONG, MEMBER, Telempulld, fingerprint, pulled, within};

fn renew(home: &Home) {
    let renewed = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["identity", "renew"])
        .args(home.args())
        .output()
        .unwrap();
    assert!(renewed.status.success(), "{renewed:?}");
}

/// Has a machine show a certificate for `localhost` that an authority has signed, which it returns in PEM.
fn certify(machine: &Telempulld) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let file = machine.home.path("state/identity/telempulld/srv_certificate.pem");
    let new = file.with_extension("new");
    fs::write(&new, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, file).unwrap();
    authority.pem()
}

#[test]
fn machines_learn_our_next_certificate_by_authorities_and_by_soap_as_by_fingerprint() {
    let home = Home::new();
    let machines = ["json", "soap", "ca"].map(|_| Telempulld::start());
    let [json, soap, ca] = &machines;
    fs::write(home.path("ca.pem"), certify(ca)).unwrap();
    let by_soap = format!("kind=soap\nclient={MEMBER}\nserver={MEMBER}/node-1");
    let by_authority = format!(
        "[pull ca]\nurl=https://localhost:{}\nca={}\ninterval=10\n",
        ca.port,
        home.path("ca.pem").display()
    );
    home.configure(&[json.section("json", ""), soap.section("soap", &by_soap), by_authority].concat());
    let collector = home.start();
    within(LONG, "it has a certificate", || home.path("identity/cli_certificate.pem").exists());
    let old = home.fingerprint();
    for machine in &machines {
        machine.trust(&format!("{old} role=pull client={MEMBER}"));
    }
    let answer = |collector: &_| {
        let rows = pulled(collector);
        ["json", "soap", "ca"].iter().all(|name| rows[*name]["state"] == "answers")
    };
    within(LONG, "all answer", || answer(&collector));
    renew(&home);
    let next = fingerprint(&home.path("identity/next_cli_certificate.pem"));
    let learned = |machine: &Telempulld| {
        let text = fs::read_to_string(machine.home.path("state/identity/telempulld/trusted_learned.cfg"));
        text.is_ok_and(|text| text.contains(&next.to_string()))
    };
    for machine in &machines {
        within(LONG, "it has learned the next one", || learned(machine));
    }
    let noted = || fs::read_to_string(home.path("identity/announced_cli")).unwrap_or_default();
    within(LONG, "all are noted", || noted().lines().count() == 1 + machines.len());
    assert!(noted().contains(&format!(" localhost:{}\n", ca.port)), "{}", noted());
    collector.stop();
    // A day later it is shown, and nobody had to be asked.
    let aged: Vec<String> = noted()
        .lines()
        .map(|line| line.split_once(' ').map_or(line.to_owned(), |(_, peer)| format!("1 {peer}")))
        .collect();
    let file = home.path("identity/announced_cli");
    fs::write(&file, aged.join("\n") + "\n").unwrap();
    let collector = home.start();
    // One that is asked by SOAP is waited for until it is known what it is; it has the certificate by the file.
    within(LONG, "it is shown", || home.fingerprint() == next && !file.exists());
    let asked = |collector: &_| pulled(collector)["ca"]["answered"].clone();
    let before = asked(&collector);
    within(LONG, "a machine answers since", || asked(&collector) != before);
    within(LONG, "all answer", || answer(&collector));
    collector.stop();
}
