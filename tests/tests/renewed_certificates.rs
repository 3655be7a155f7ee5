//! Certificates of a machine and of its collector, renewed while records go on: nobody touches a trust file, and nothing is lost.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use system_tests::asked::Asked;
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
        age(&self.identity("announced"));
        age(&self.sandbox.path("identity/announced"));
        let _ = fs::remove_file(self.identity("exchanged"));
    }
}

/// As if all of this had been announced long ago.
fn age(announced: &Path) {
    let Ok(text) = fs::read_to_string(announced) else { return };
    let line = |line: &str| match line.split_once(' ') {
        Some((secs, peer)) if secs.parse::<u64>().is_ok() => format!("1 {peer}\n"),
        _ => format!("{line}\n"),
    };
    fs::write(announced, text.lines().map(line).collect::<String>()).unwrap();
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

/// A collector that asks a machine how it is, every ten seconds.
struct Asking {
    asked: Asked,
    collector: Process,
}

impl Asking {
    /// Both know each other by fingerprint.
    fn new() -> Self {
        let asked = Asked::new(&[("pull_rate", "0")]);
        let telempulld = asked.start();
        let own = asked.sandbox.say(&["identity", "--service", "telempulld"]).out;
        let (url, fingerprint) = (format!("https://127.0.0.1:{}", asked.port), own.trim_end());
        let text = format!("[pull one]\nurl={url}\nfingerprint={fingerprint}\ninterval=10\n");
        fs::write(asked.sandbox.path("pulling.conf"), text).unwrap();
        drop(telempulld);
        let collector = Self::collector(&asked);
        let asking = Self { collector, asked };
        let known = asking.asked.sandbox.say(&["pull", "trust", &asking.shown(), "role=pull"]);
        assert_eq!(known.code, Some(0), "{known:?}");
        asking
    }

    fn collector(asked: &Asked) -> Process {
        let [database, config] =
            ["pulling.db", "pulling.conf"].map(|name| asked.sandbox.path(name).display().to_string());
        let mut command = Command::new(programs::path("telem-collector"));
        command
            .args(["--listen", "127.0.0.1:0", "--database", &database, "--config", &config])
            .stdout(Stdio::null());
        let process = Process::spawn(&asked.sandbox.path(""), "telem-collector", &mut command);
        until("its certificate", || {
            asked.sandbox.path("identity/cli_certificate.fingerprint").exists().then_some(())
        });
        process
    }

    /// Asks the machine anew, and exchanges certificates.
    fn restart_collector(&mut self) {
        self.collector.stop();
        self.collector = Self::collector(&self.asked);
    }

    /// The certificate that the collector shows.
    fn shown(&self) -> String {
        let path = self.asked.sandbox.path("identity/cli_certificate.fingerprint");
        fs::read_to_string(path).unwrap().trim_end().to_owned()
    }

    /// A file of telempulld's identity.
    fn machine(&self, name: &str) -> String {
        let path = self.asked.sandbox.path("state/identity/telempulld").join(name);
        fs::read_to_string(path).unwrap_or_default()
    }
}

#[test]
fn a_collector_that_asks_learns_the_machines_next_certificate_and_the_machine_the_collectors() {
    let mut asking = Asking::new();
    let telempulld = asking.asked.start();
    let say = |asking: &Asking, words: &[&str]| asking.asked.sandbox.say(words);
    let old = say(&asking, &["identity", "--service", "telempulld"]).out.trim_end().to_owned();
    let said = say(&asking, &["identity", "renew", "--service", "telempulld"]);
    let next = value(&said.out, "telempulld, next: ");
    assert_eq!(say(&asking, &["identity", "--service", "telempulld"]).out, format!("{old}\nnext: {next}\n"));
    asking.restart_collector();
    let learned = asking.asked.sandbox.path("identity/pull/trusted_learned.cfg");
    let text = until("the collector knows the next one", || fs::read_to_string(&learned).ok());
    assert!(text.starts_with(&format!("{next} next-of={old}")), "{text}");
    until("the machine knows that", || asking.machine("announced").contains(&asking.shown()).then_some(()));
    let shown = say(&asking, &["doctor"]).out;
    assert!(shown.contains(&format!("the next certificate, {next}: all peers have it")), "{shown}");

    drop(telempulld);
    age(&asking.asked.sandbox.path("state/identity/telempulld/announced"));
    let telempulld = asking.asked.start();
    until("it is shown", || {
        (say(&asking, &["identity", "--service", "telempulld"]).out == format!("{next}\n")).then_some(())
    });

    // Over the new one the machine learns the collector's.
    let database = asking.asked.sandbox.path("pulling.db").display().to_string();
    let renewed = Command::new(programs::path("telem-collector"))
        .args(["identity", "renew", "--database", &database])
        .output();
    printed(&renewed.unwrap());
    let before = asking.shown();
    let text = until("the machine knows the collector's", || {
        Some(asking.machine("trusted_learned.cfg")).filter(|text| !text.is_empty())
    });
    let theirs = text.split(' ').next().unwrap().to_owned();
    assert!(text.contains(&format!("next-of={before}")), "{text}");
    let announced = asking.asked.sandbox.path("identity/announced_cli");
    until("that is written down", || announced.exists().then_some(()));
    asking.collector.stop();
    age(&announced);
    asking.collector = Asking::collector(&asking.asked);
    until("the collector shows it", || (asking.shown() == theirs).then_some(()));

    // And is answered: a further certificate of the machine comes through.
    let said = say(&asking, &["identity", "renew"]);
    let last = value(&said.out, "telempulld, next: ");
    asking.restart_collector();
    until("the collector knows that too", || {
        fs::read_to_string(&learned).unwrap().contains(&format!("{last} next-of={next}")).then_some(())
    });
    until("the machine knows that too", || asking.machine("announced").contains(&theirs).then_some(()));
    drop(telempulld);
}

/// Runs a command with all that it starts, and kills these after so many microseconds.
fn kill_after(command: &mut Command, micros: u64) {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_micros(micros));
    let _ = killpg(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL);
    child.wait().unwrap();
}

/// What telempost-identity says of a directory. It must not complain.
fn examined(task: &[&str], directory: &Path) -> String {
    let output = Command::new(programs::path("telempost-identity"))
        .arg(task[0])
        .arg(directory)
        .args(&task[1..])
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{task:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn assert_whole(directory: &Path) {
    let names = test_harness::directory::names(directory);
    assert!(!names.iter().any(|name| name.contains("malformed")), "{names:?}");
}

#[test]
fn whoever_is_killed_in_the_middle_of_a_renewal_leaves_a_certificate_that_is_whole() {
    let system = System::new();
    let (directory, config) = (system.identity(""), system.sandbox.config_arg());
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..60 {
        let mut command = Command::new(programs::path("telemctl"));
        let words = ["--config", &config, "identity", "renew", "--now"];
        // Dense where it begins, and the last ones late enough for a machine that has more to do.
        let step = round as u64 / 2;
        kill_after(command.args(&words[..4 + round % 2]), 150 * step * step);
        let own = examined(&["ensure"], &directory);
        assert_eq!(
            fs::read_to_string(directory.join("cli_certificate.fingerprint")).unwrap(),
            format!("{own}\n")
        );
        examined(&["next"], &directory);
        assert_whole(&directory);
        seen.insert(own);
    }
    assert!(seen.len() > 1, "none of them came so far");
}

#[test]
fn telempulld_that_is_killed_when_its_next_certificate_is_due_shows_one_or_the_other() {
    let asked = Asked::new(&[("pull_rate", "0")]);
    let peer = asked.make_certificate("peer");
    assert_eq!(asked.sandbox.say(&["pull", "trust", &peer]).code, Some(0));
    drop(asked.start());
    let directory = asked.sandbox.path("state/identity/telempulld");
    let own = || {
        examined(&["check", "--listens-as", "telempulld"], &directory).split(' ').next().unwrap().to_owned()
    };
    let mut switched = 0;
    for round in 0..30 {
        let before = own();
        let next = examined(&["renew", "--listens-as", "telempulld"], &directory);
        fs::write(directory.join("announced"), format!("{next}\n1 {peer}\n")).unwrap();
        kill_after(&mut asked.sandbox.configured("telempulld", &[]), 250 * round * round);
        let now = own();
        assert!(now == before || now == next, "{now}: {before}, {next}");
        let left = examined(&["next"], &directory);
        assert_eq!(left, if now == next { "" } else { next.as_str() });
        assert_whole(&directory);
        switched += u32::from(now == next);
    }
    let next = examined(&["renew", "--listens-as", "telempulld"], &directory);
    fs::write(directory.join("announced"), format!("{next}\n1 {peer}\n")).unwrap();
    let _telempulld = asked.start();
    assert_eq!(own(), next);
    assert!(switched > 0, "none of them came so far");
}

#[test]
fn an_exchange_is_killed_at_either_end_and_the_next_one_completes_it() {
    let mut system = System::new();
    let mut telempostd = system.telempostd();
    system.deliver();
    telempostd.stop();
    let directory = system.identity("");
    let address = system.collector.tls_url.strip_prefix("https://").unwrap().to_owned();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let trusted = system.sandbox.path("etc/telempostd/trusted_certificates.cfg");
    let exchange = || {
        let mut command = Command::new(programs::path("telempost-identity"));
        command
            .arg("exchange")
            .arg(&directory)
            .arg("--trusted")
            .arg(&trusted)
            .arg(format!("{address}/v3/identity"));
        command
    };
    system.collector(&["identity", "renew"]);
    let theirs = value(&system.collector(&["identity"]), "listens, next: ");
    let ours = value(&system.telemctl(&["identity", "renew"]), "next: ");
    for round in 0..40 {
        let _ = fs::remove_file(directory.join("exchanged"));
        kill_after(&mut exchange(), 2500 * round);
        if round % 8 == 7 {
            system.collector.process.kill();
            system.collector = Collector::start_with_tls(&mut system.sandbox, port);
        }
        assert_eq!(examined(&["next"], &directory), ours);
        // Whatever was learned is whole, at both ends.
        system.telemctl(&["trust", "list"]);
        system.collector(&["trust", "list"]);
        assert_whole(&directory);
    }
    until("the exchange completes", || {
        let _ = fs::remove_file(directory.join("exchanged"));
        let output = exchange().output().unwrap();
        let learned = fs::read_to_string(directory.join("trusted_learned.cfg")).unwrap_or_default();
        (output.status.success() && learned.contains(&theirs) && system.learned_there().contains(&ours))
            .then_some(())
    });
    // When it is due, too.
    let old = examined(&["ensure"], &directory);
    system.a_day_passes();
    for round in 0..20 {
        let _ = fs::remove_file(directory.join("exchanged"));
        kill_after(&mut exchange(), 2500 * round);
        let own = examined(&["ensure"], &directory);
        assert!(own == old || own == ours, "{own}");
        assert_eq!(examined(&["next"], &directory), if own == ours { "" } else { ours.as_str() });
    }
    let _ = fs::remove_file(directory.join("exchanged"));
    printed(&exchange().output().unwrap());
    assert_eq!(examined(&["ensure"], &directory), ours);
    let mut telempostd = system.telempostd();
    system.deliver();
    telempostd.stop();
}
