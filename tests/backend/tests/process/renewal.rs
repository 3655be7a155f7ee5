//! Certificates that are renewed while others speak with the collector: commands, announcements in both directions, and
//! what becomes of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::collector::{Collector, DEADLINE};
use crate::party::{Party, curl};

/// The program with a command, on the files in a directory.
fn run(directory: &Path, args: &[&str]) -> Output {
    let [database, trust] = ["t.db", "trust"].map(|name| directory.join(name).display().to_string());
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    command.args(args).args(["--database", &database, "--trust", &trust]).output().unwrap()
}

/// What it prints where it succeeds.
fn said(directory: &Path, args: &[&str]) -> String {
    let output = run(directory, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Why it fails.
fn fault(directory: &Path, args: &[&str]) -> String {
    let output = run(directory, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The fingerprint behind this word in what `identity` prints.
fn own(directory: &Path, word: &str) -> String {
    let said = said(directory, &["identity"]);
    let line = said.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(": "));
    line.unwrap_or_default().to_owned()
}

fn start(directory: &Path, more: &[&str]) -> Collector {
    let [database, trust] = ["t.db", "trust"].map(|name| directory.join(name).display().to_string());
    let args = ["--tls-listen", "127.0.0.1:0", "--database", &database, "--trust", &trust];
    Collector::start(&[&args[..], more].concat())
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks at /v3/identity, or announces.
fn identity(collector: &Collector, party: Option<&Party>, announcement: Option<&str>) -> (u16, Value) {
    let url = format!("https://{}/v3/identity", collector.tls.unwrap());
    let mut args = vec![url.as_str(), "--tlsv1.3"];
    args.extend(party.iter().flat_map(|party| party.shown()));
    args.extend(announcement.iter().flat_map(|body| ["--data-binary", *body]));
    let (status, body) = curl(&args);
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn announcement(of: &Party, next: &Party) -> String {
    let pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    format!(
        "{{\"fingerprint\":\"{}\",\"next\":{{\"fingerprint\":\"{}\",\"pin\":\"{pin}\"}}}}",
        of.fingerprint, next.fingerprint
    )
}

#[test]
fn commands_change_single_lines_of_the_trust_file() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let file = directory.join("trust");
    let [a, b] = ["AB", "CD"].map(|byte| vec![byte; 32].join(":"));
    assert!(said(directory, &["trust"]).contains("No certificate is trusted."));
    said(directory, &["trust", "add", &a, "role=fetch", "role=read", "the", "centre"]);
    said(directory, &["trust", "add", &b.to_lowercase().replace(':', "")]);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{a} role=fetch role=read the centre\n{b}\n"));
    assert_eq!(said(directory, &["trust", "list"]), format!("{a} role=fetch role=read the centre\n{b}\n"));
    assert!(fault(directory, &["trust", "add", &a]).contains("by line 1 of "));
    assert!(
        fault(directory, &["trust", "add", &a.replace("AB", "EF"), "rolle=x"])
            .contains("line 3: rolle=: unknown")
    );
    assert!(
        fault(directory, &["trust", "add", &a.replace("AB", "EF"), "x\nrole=fetch"]).contains("one line")
    );
    assert!(fault(directory, &["trust", "accept", &a]).contains("was not learned"));
    said(directory, &["trust", "remove", &a]);
    assert!(fault(directory, &["trust", "remove", &a]).contains("is not trusted"));
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{b}\n"));
    assert_eq!(run(directory, &["trust", "add", "12:34"]).status.code(), Some(2));
    // The same places in a configuration.
    let config = directory.join("conf");
    fs::write(&config, format!("[settings]\ntid=x\ntrust={}\n", file.display())).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["trust", "--config", config.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{b}\n"));
}

#[test]
fn an_identity_is_made_shown_and_replaced_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    assert!(fault(directory, &["identity", "renew"]).contains("identity show` makes it"));
    let first = said(directory, &["identity", "show"]);
    assert_eq!(said(directory, &["identity"]), first);
    let file = fs::read_to_string(directory.join("identity/cli_certificate.fingerprint")).unwrap();
    assert_eq!(first.lines().nth(1).unwrap(), format!("connects: {}", file.trim_end()));
    let collector = start(directory, &["--client-certificates", "ask"]);
    let shown = || {
        let chain = Command::new("openssl")
            .args(["s_client", "-connect", &collector.tls.unwrap().to_string(), "-showcerts"])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        fs::write(directory.join("shown.crt"), chain.stdout).unwrap();
        let text = crate::party::openssl(directory, "x509 -in shown.crt -noout -fingerprint -sha256");
        text.trim_end().split_once('=').unwrap().1.to_owned()
    };
    assert_eq!(shown(), own(directory, "listens"));
    let announced = said(directory, &["identity", "renew"]);
    let next = own(directory, "listens, next");
    assert!(announced.contains(&format!("listens, next: {next} is made")), "{announced}");
    assert!(said(directory, &["identity", "renew"]).contains(&format!("{next} is there already")));
    assert!(said(directory, &["identity", "renew", "--now"]).contains(&format!("listens: {next}")));
    assert_eq!((own(directory, "listens"), own(directory, "listens, next")), (next.clone(), String::new()));
    until("the new certificate is shown", || shown() == next);
    let file = fs::read_to_string(directory.join("identity/cli_certificate.fingerprint")).unwrap();
    assert_eq!(own(directory, "connects"), file.trim_end());
    collector.stop();
}

#[test]
fn a_peers_next_certificate_is_trusted_beside_its_present_one_and_lives_and_dies_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [party, next, other, stranger] =
        ["party", "next", "other", "stranger"].map(|name| Party::ecdsa(directory, name));
    let fingerprints = [&party, &other].map(|party| party.fingerprint.to_string());
    said(directory, &["trust", "add", &fingerprints[0], "role=read", "a", "script"]);
    said(directory, &["trust", "add", &fingerprints[1]]);
    let collector = start(directory, &["--client-certificates", "require"]);
    let groups = format!("https://{}/telemetryui/groups", collector.tls.unwrap());
    let reads = |party: &Party| curl(&[&[groups.as_str()], &party.shown()[..]].concat()).0;
    assert_eq!((reads(&party), reads(&next)), (200, 0));
    // Nobody speaks for another, nor in another form.
    for (by, body, status) in [
        (&other, announcement(&party, &next), 400),
        (&party, announcement(&party, &party), 400),
        (&party, "{}".to_owned(), 400),
        (&party, " ".repeat(5000), 413),
    ] {
        assert_eq!(identity(&collector, Some(by), Some(&body)).0, status, "{body}");
    }
    let (status, ours) = identity(&collector, Some(&party), Some(&announcement(&party, &next)));
    assert_eq!(
        (status, &ours["fingerprint"], &ours["next"]),
        (200, &own(directory, "listens").into(), &Value::Null)
    );
    // With the rights of the one that announced it, at once.
    assert_eq!((reads(&party), reads(&next)), (200, 200));
    let list = said(directory, &["trust", "list"]);
    assert!(
        list.contains(&format!("{} (announced by {} since ", next.fingerprint, party.fingerprint)),
        "{list}"
    );
    let (status, refused) = identity(&collector, Some(&other), Some(&announcement(&other, &next)));
    assert_eq!((status, &refused["code"]), (409, &"of_another".into()));
    // Another instead of it.
    assert_eq!(identity(&collector, Some(&party), Some(&announcement(&party, &stranger))).0, 200);
    assert_eq!((reads(&next), reads(&stranger)), (0, 200));
    assert_eq!(identity(&collector, Some(&party), Some(&announcement(&party, &next))).0, 200);
    // It follows its parent's line.
    let trust = directory.join("trust");
    let text = fs::read_to_string(&trust).unwrap();
    fs::write(&trust, text.replace("role=read", "role=deliver")).unwrap();
    until("the next one has the new right alone", || reads(&next) == 403);
    said(directory, &["trust", "remove", &fingerprints[0]]);
    until("the next one is gone with its parent", || reads(&next) == 0);
    assert!(!said(directory, &["trust"]).contains(&next.fingerprint.to_string()));
    collector.stop();
}

#[test]
fn an_accepted_certificate_takes_the_place_of_its_parent() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [party, next] = ["party", "next"].map(|name| Party::ecdsa(directory, name));
    said(directory, &["trust", "add", &party.fingerprint.to_string(), "role=read", "a", "script"]);
    let collector = start(directory, &["--client-certificates", "require"]);
    assert_eq!(identity(&collector, Some(&party), Some(&announcement(&party, &next))).0, 200);
    said(directory, &["trust", "accept", &next.fingerprint.to_string()]);
    let text = fs::read_to_string(directory.join("trust")).unwrap();
    assert_eq!(text, format!("{} role=read a script\n", next.fingerprint));
    until("the old one is not trusted any more", || identity(&collector, Some(&party), None).0 == 0);
    assert_eq!(identity(&collector, Some(&next), None).0, 200);
    collector.stop();
}

#[test]
fn who_shows_no_listed_certificate_learns_nothing_and_announces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [stranger, next, server] = ["stranger", "next", "server"].map(|name| Party::ecdsa(directory, name));
    said(directory, &["trust", "add", &server.fingerprint.to_string(), "server=h:1"]);
    let collector = start(directory, &["--client-certificates", "ask"]);
    for party in [None, Some(&stranger), Some(&server)] {
        let (status, body) = identity(&collector, party, None);
        assert_eq!((status, &body["code"]), (403, &"not_trusted".into()));
    }
    let (status, _) = identity(&collector, Some(&stranger), Some(&announcement(&stranger, &next)));
    assert_eq!(status, 403);
    // Without TLS, whatever is said in headers.
    let (status, _) = curl(&[&format!("http://{}/v3/identity", collector.address)]);
    assert_eq!(status, 403);
    assert!(!directory.join("identity/trusted_learned.cfg").exists());
    collector.stop();
}

#[test]
fn the_next_certificate_is_shown_once_every_peer_has_had_it_for_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [one, two, reader] = ["one", "two", "reader"].map(|name| Party::ecdsa(directory, name));
    for (party, role) in [(&one, "role=deliver"), (&two, "role=fetch"), (&reader, "role=read")] {
        said(directory, &["trust", "add", &party.fingerprint.to_string(), role]);
    }
    let mut collector = start(directory, &[]);
    let before = own(directory, "listens");
    said(directory, &["identity", "renew"]);
    let next = own(directory, "listens, next");
    let names_it = |collector: &Collector, party: &Party| {
        let (status, body) = identity(collector, Some(party), None);
        assert_eq!((status, body["fingerprint"].as_str()), (200, Some(before.as_str())));
        body["next"]["fingerprint"] == next.as_str()
    };
    until("one is told", || names_it(&collector, &one));
    assert!(names_it(&collector, &two));
    collector.stop();
    // What they were told is written down: a day later.
    let file = directory.join("identity/announced");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&next) && text.lines().count() == 3, "{text}");
    let aged = |lines: usize| {
        let line = |(number, line): (usize, &str)| match line.split_once(' ') {
            Some((_, peer)) if number <= lines => format!("1 {peer}\n"),
            _ => format!("{line}\n"),
        };
        fs::write(&file, text.lines().enumerate().map(line).collect::<String>()).unwrap();
    };
    aged(1);
    collector = start(directory, &[]);
    assert!(names_it(&collector, &one), "one of two has had it for a day");
    collector.stop();
    aged(2);
    collector = start(directory, &[]);
    until("it is shown", || identity(&collector, Some(&one), None).1["fingerprint"] == next.as_str());
    assert_eq!(identity(&collector, Some(&one), None).1["next"], Value::Null);
    assert!(!file.exists());
    collector.stop();
}
