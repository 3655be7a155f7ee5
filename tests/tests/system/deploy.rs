//! `telem-collector setup` on a fresh Debian, as `make deploy` does it: from nothing to a collector behind nginx, on PostgreSQL.

use crate::home;
use std::process::Command;
use test_harness::machine::Machine;
use test_harness::package::said;
use test_harness::until;

/// What a setup installs.
const DEBIANS: [&str; 2] = ["postgresql", "nginx"];

const UNITS: [&str; 3] = ["telemetrics-collector.service", "postgresql.service", "nginx.service"];

const SITE: &str = "etc/nginx/sites-enabled/telemetrics";

const RECORD: [&str; 12] = [
    "Record-Format-Version: 2",
    "Classification: org.example/deploy/test",
    "Severity: 1",
    "Machine-Id: 66c196ce4222dd761470da5e7e35f6f1",
    "Creation-Timestamp: 1700000000",
    "Arch: x86_64",
    "Host-Type: blank|blank|blank",
    "Build: 12",
    "Kernel-Version: 6.1.0-1",
    "Payload-Format-Version: 1",
    "System-Name: debian",
    "X-Telemetry-Tid: 6907c830-eed9-4ce9-81ae-76daf8d88f0f",
];

/// What curl gets: the body, a line feed, the status. Nobody knows the certificate's maker.
fn curl(machine: &Machine, args: &[&str]) -> Option<String> {
    let mut curl = machine.in_its_network("curl");
    curl.args(["--silent", "--insecure", "--max-time", "20", "--write-out", "\n%{http_code}"]).args(args);
    let output = curl.output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn status(machine: &Machine, url: &str) -> Option<String> {
    Some(curl(machine, &[url])?.lines().last()?.to_owned())
}

fn post(machine: &Machine, url: &str, payload: &str) {
    let headers: Vec<&str> = RECORD.iter().flat_map(|header| ["--header", header]).collect();
    let answer = curl(machine, &[&headers[..], &["--data-binary", payload, url]].concat()).unwrap();
    assert!(answer.ends_with("\n201"), "{answer}");
}

fn payloads(machine: &Machine) -> Vec<String> {
    let answer = curl(machine, &["http://127.0.0.1/api/records"]).unwrap();
    let json: serde_json::Value = serde_json::from_str(answer.lines().next().unwrap()).unwrap();
    let records = json["records"].as_array().unwrap();
    records.iter().map(|record| record["payload"].as_str().unwrap().to_owned()).collect()
}

/// As from a console of a small machine, which has no locale: what PostgreSQL is set up with is up to us.
fn setup(machine: &Machine) -> String {
    machine.run(&["env", "-u", "LC_ALL", "telem-collector", "setup"])
}

fn psql(machine: &Machine, user: &str, database: &str, sql: &str) -> String {
    machine.run(&["runuser", "-u", user, "--", "psql", "-XAtd", database, "-c", sql])
}

/// Where an administrator puts one.
fn make_certificate(machine: &Machine) {
    let folder = machine.tree().root().join("etc/nginx/ssl");
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    said(
        Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=machine"])
            .args(["-keyout", &file("telemetry.key.pem"), "-out", &file("telemetry.cert.pem")]),
    );
}

#[test]
fn a_fresh_debian_becomes_a_collector_by_one_command() {
    let Some(tree) = home::tree("a_fresh_debian_becomes_a_collector_by_one_command") else { return };
    tree.download(&DEBIANS);
    let mut machine = Machine::boot(tree);
    machine.shell(
        "DEBIAN_FRONTEND=noninteractive apt-get install --yes /root/packages/telemetrics-collector_*.deb",
    );

    let words = setup(&machine);
    assert!(words.contains("without TLS"), "{words}");
    assert!(words.contains("people read http://machine/telemetryui"), "{words}");
    for unit in UNITS {
        assert_eq!(machine.run(&["systemctl", "is-enabled", unit]), "enabled\n", "{unit}");
        home::wait_for_state(&machine, unit, "active");
    }
    assert_eq!(status(&machine, "http://127.0.0.1/telemetryui").as_deref(), Some("200"));
    assert_eq!(status(&machine, "https://127.0.0.1/telemetryui"), None);
    post(&machine, "http://127.0.0.1/v2/collector", "gr\u{fc}\u{df} dich");
    assert_eq!(payloads(&machine), ["gr\u{fc}\u{df} dich"]);
    // In characters, whatever the machine's locale is.
    let length = "SELECT length(payload) FROM records";
    assert_eq!(psql(&machine, "telemetrics-collector", "telemetrics", length), "9\n");
    // Pages answer to the machine's own name, and to no other.
    let named = |name: &str| {
        curl(&machine, &["--header", &format!("Host: {name}"), "http://127.0.0.1/telemetryui"]).unwrap()
    };
    assert!(named("machine").ends_with("\n200"));
    assert!(named("evil.example").ends_with("\n421"));

    // Once more, now with a certificate: what is stored stays.
    make_certificate(&machine);
    let words = setup(&machine);
    assert!(!words.contains("without TLS") && words.contains("https://machine/v2/collector"), "{words}");
    post(&machine, "https://127.0.0.1/v2/collector", "by TLS");
    assert_eq!(payloads(&machine), ["by TLS", "gr\u{fc}\u{df} dich"]);
    machine.reboot();
    let site = || status(&machine, "https://127.0.0.1/telemetryui").filter(|status| status == "200");
    until("the site after a reboot", site);
    assert_eq!(payloads(&machine).len(), 2);
    home::assert_healthy(&machine);
    remove_and_begin_again(&machine);
}

fn remove_and_begin_again(machine: &Machine) {
    for _ in 0..2 {
        let words = machine.run(&["telem-collector", "setup", "--remove"]);
        assert!(words.contains("are removed"), "{words}");
    }
    assert!(!machine.tree().root().join(SITE).is_symlink());
    let left = "SELECT (SELECT count(*) FROM pg_database WHERE datname = 'telemetrics') + \
         (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'telemetrics%')";
    assert_eq!(psql(machine, "postgres", "postgres", left), "0\n");
    assert_ne!(status(machine, "http://127.0.0.1/telemetryui").as_deref(), Some("200"));
    home::wait_for_state(machine, UNITS[0], "inactive");
    home::assert_healthy(machine);
    setup(machine);
    assert_eq!(payloads(machine), [""; 0]);
}
