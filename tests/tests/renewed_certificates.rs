//! Certificates of a machine and of its collector, renewed while records go on: nobody touches a trust file, and nothing is lost.

use std::fs;
use std::process::{Command, Output};
use telemetry_store::delivery_status::DeliveryStatus;
use test_harness::{Collector, Process, Sandbox, programs, until, waiting};

struct System {
    sandbox: Sandbox,
    collector: Collector,
    /// Records so far.
    sent: usize,
}

impl System {
    /// Machine and collector trust each other by fingerprint.
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        fs::write(sandbox.path("collector.trust"), "# nobody yet\n").unwrap();
        let collector = Collector::start_with_tls(&mut sandbox, 0);
        let system = Self { sandbox, collector, sent: 0 };
        let own = system.telemctl(&["identity"]);
        system.collector(&["trust", "add", own.trim_end(), "role=deliver", "the", "machine"]);
        system.telemctl(&["trust", &system.collector.tls_url]);
        system
    }

    fn telemctl(&self, arguments: &[&str]) -> String {
        let config = self.sandbox.config_arg();
        printed(
            &self
                .sandbox
                .command("telemctl", &[&["--config", &config], arguments].concat())
                .output()
                .unwrap(),
        )
    }

    fn collector(&self, arguments: &[&str]) -> String {
        let places =
            ["collector.db", "collector.trust"].map(|name| self.sandbox.path(name).display().to_string());
        let output = Command::new(programs::path("telem-collector"))
            .args(arguments)
            .args(["--database", &places[0], "--trust", &places[1]])
            .output();
        printed(&output.unwrap())
    }

    fn identity(&self, name: &str) -> std::path::PathBuf {
        self.sandbox.path("state/identity/telempostd").join(name)
    }

    /// One more record arrives.
    fn deliver(&mut self) {
        waiting::put(&self.sandbox, 1);
        self.sent += 1;
        self.collector.wait_for(self.sent);
    }

    fn telempostd(&self) -> Process {
        self.sandbox.start("telempostd")
    }

    /// What the collector has learned.
    fn learned_there(&self) -> String {
        fs::read_to_string(self.sandbox.path("identity/trusted_learned.cfg")).unwrap_or_default()
    }

    /// As if the last exchange had been yesterday, and what was announced announced then.
    fn a_day_passes(&self) {
        let aged = |path: std::path::PathBuf| {
            let Ok(text) = fs::read_to_string(&path) else { return };
            let line = |line: &str| match line.split_once(' ') {
                Some((secs, peer)) if secs.parse::<u64>().is_ok() => format!("1 {peer}\n"),
                _ => format!("{line}\n"),
            };
            fs::write(&path, text.lines().map(line).collect::<String>()).unwrap();
        };
        aged(self.identity("announced"));
        aged(self.sandbox.path("identity/announced"));
        let _ = fs::remove_file(self.identity("exchanged"));
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The value behind a word at the beginning of a line.
fn value(said: &str, word: &str) -> String {
    said.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_default().to_owned()
}

#[test]
fn a_machines_next_certificate_is_announced_and_used_a_day_later() {
    let mut system = System::new();
    let old = system.telemctl(&["identity"]);
    let mut telempostd = system.telempostd();
    system.deliver();
    let next = value(&system.telemctl(&["identity", "renew"]), "next: ");
    assert_eq!(system.telemctl(&["identity"]), format!("{old}next: {next}\n"));
    system.deliver();
    until("the collector knows the next one", || {
        system.learned_there().starts_with(&format!("{next} next-of={}", old.trim_end())).then_some(())
    });
    let announced = until("that is written down", || fs::read_to_string(system.identity("announced")).ok());
    assert!(announced.starts_with(&next) && announced.lines().count() == 2, "{announced}");
    assert_eq!(system.telemctl(&["identity"]), format!("{old}next: {next}\n"), "not before a day has passed");
    telempostd.stop();
    system.a_day_passes();
    let mut telempostd = system.telempostd();
    system.deliver();
    until("it is used", || (system.telemctl(&["identity"]) == format!("{next}\n")).then_some(()));
    system.deliver();
    telempostd.stop();
    assert_eq!(
        fs::read_to_string(system.identity("cli_certificate.fingerprint")).unwrap(),
        format!("{next}\n")
    );
    // The line of the old one becomes the new one's.
    system.collector(&["trust", "accept", &next]);
    let trust = fs::read_to_string(system.sandbox.path("collector.trust")).unwrap();
    assert_eq!(trust, format!("# nobody yet\n{next} role=deliver the machine\n"));
    let mut telempostd = system.telempostd();
    system.deliver();
    telempostd.stop();
}

#[test]
fn a_collectors_next_certificate_is_trusted_beside_the_old_one_and_then_shown() {
    let mut system = System::new();
    let mut telempostd = system.telempostd();
    system.deliver();
    let old = value(&system.collector(&["identity"]), "listens: ");
    system.collector(&["identity", "renew"]);
    let next = value(&system.collector(&["identity"]), "listens, next: ");
    telempostd.stop();
    let learned = until("the machine knows the next one", || {
        // The collector takes its file within two seconds.
        system.a_day_passes();
        let mut telempostd = system.telempostd();
        system.deliver();
        until("certificates are exchanged", || system.identity("exchanged").exists().then_some(()));
        telempostd.stop();
        fs::read_to_string(system.identity("trusted_learned.cfg")).ok().filter(|text| text.contains(&next))
    });
    assert!(learned.starts_with(&format!("{next} next-of={old}")), "{learned}");
    let listed = system.telemctl(&["trust", "list"]);
    assert!(listed.contains(&format!("{next} (announced by {old} since ")), "{listed}");

    // Killed, it goes on with what it has written down.
    let port = system.collector.tls_url.rsplit(':').next().unwrap().parse().unwrap();
    system.collector.process.stop();
    system.a_day_passes();
    system.collector = Collector::start_with_tls(&mut system.sandbox, port);
    until("the next one is shown", || {
        (value(&system.collector(&["identity"]), "listens: ") == next).then_some(())
    });
    let mut telempostd = system.telempostd();
    system.deliver();
    telempostd.stop();
    system.telemctl(&["trust", "accept", &next]);
    let trust = fs::read_to_string(system.sandbox.path("etc/telempostd/trusted_certificates.cfg")).unwrap();
    assert!(trust.starts_with(&format!("{next} server=")) && trust.lines().count() == 1, "{trust}");
}

#[test]
fn a_machine_that_uses_its_next_certificate_at_once_waits_until_it_is_trusted() {
    let mut system = System::new();
    let mut telempostd = system.telempostd();
    system.deliver();
    let said = system.telemctl(&["identity", "renew", "--now"]);
    let next = said.lines().next().unwrap().to_owned();
    assert_eq!(system.telemctl(&["identity", "show"]), format!("{next}\n"));
    assert_eq!(system.learned_there(), "");
    waiting::put(&system.sandbox, 1);
    until("it is refused", || {
        let status = DeliveryStatus::read(&system.sandbox.path("state")).ok().flatten()?;
        status.last_error
    });
    assert_eq!((system.collector.records().len(), system.sandbox.spooled().len()), (system.sent, 1));
    telempostd.stop();
    system.collector(&["trust", "add", &next]);
    let mut telempostd = system.telempostd();
    system.sent += 1;
    system.deliver();
    telempostd.stop();
}
