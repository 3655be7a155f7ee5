//! Certificates that follow: ours for those who ask, and theirs for us.

use crate::machine::{Machine, wait_until};
use std::fs;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn announcement(own: &str, next: Option<&str>) -> String {
    let pin = format!("sha256//{}=", "A".repeat(43));
    let next =
        next.map_or("null".to_owned(), |next| format!("{{\"fingerprint\":\"{next}\",\"pin\":\"{pin}\"}}"));
    format!("{{\"fingerprint\":\"{own}\",\"next\":{next}}}")
}

/// Lists these, and returns the fingerprint of each.
fn trust<const N: usize>(machine: &Machine, lines: [(&str, &str); N]) -> [String; N] {
    let own = lines.map(|(name, _)| machine.make_certificate(name));
    let text: String = own.iter().zip(lines).map(|(own, (_, words))| format!("{own} {words}\n")).collect();
    fs::write(machine.path("etc/telempulld/trusted_certificates.cfg"), text).unwrap();
    own
}

/// Puts a key with its certificate where the next one of telempulld is. Returns its fingerprint.
fn renew(machine: &Machine) -> String {
    let next = machine.make_certificate("next");
    let pem =
        ["key", "pem"].map(|kind| fs::read_to_string(machine.path(&format!("keys/next.{kind}"))).unwrap());
    machine.write_private("state/identity/telempulld/next_certificate.pem", &pem.concat());
    next
}

#[test]
fn a_peer_announces_its_own_next_certificate_which_has_its_rights_and_goes_with_it() {
    let mut machine = Machine::new("pull_local=127.0.0.1:LOCAL\npull_rate=0");
    let [pull, read] = trust(&machine, [("pull", "role=pull"), ("read", "role=read")]);
    let [next, other] = ["pull-next", "other"].map(|name| machine.make_certificate(name));
    machine.start();
    let post = |name: &str, text: &str| machine.ask(name, "/v3/identity", &["--data-binary", text]).status;
    assert_eq!(machine.ask("pull-next", "/metrics", &[]).status, 0, "nobody knows it");
    assert_eq!(post("pull", &announcement(&pull, Some(&next))), 200);
    let got = machine.ask("pull-next", "/v1/environment", &[]);
    assert_eq!(got.status, 200, "{got:?}");
    for (name, text, status) in [
        ("pull", "", 400),
        ("pull", &announcement(&read, Some(&other)), 400),
        ("pull", &announcement(&pull, Some(&pull)), 400),
        ("pull", &announcement(&pull, Some("12")), 400),
        ("pull", &format!("{}{}", announcement(&pull, None), " ".repeat(5000)), 400),
        ("read", &announcement(&read, Some(&next)), 409),
        // Known already, by a line of its own.
        ("read", &announcement(&read, Some(&pull)), 200),
        ("other", &announcement(&other, None), 0),
    ] {
        assert_eq!(post(name, text), status, "{name}: {text:.200}");
    }
    assert_eq!(machine.ask("pull", "/v3/identity", &["-X", "DELETE"]).status, 405);
    let here = machine.ask_here("/v3/identity", &[]);
    assert!(here.status == 403 && here.body.contains("\"code\":\"not_trusted\""), "{here:?}");
    // Its rights are those of the line, whatever they are by then.
    let text = format!("{pull} role=read\n");
    fs::write(machine.path("etc/telempulld/trusted_certificates.cfg"), text).unwrap();
    assert_eq!(
        ["/v1/environment", "/metrics"].map(|path| machine.ask("pull-next", path, &[]).status),
        [403, 200]
    );
    // Taken back, it is nobody's.
    assert_eq!(post("pull", &announcement(&pull, None)), 200);
    assert_eq!(machine.ask("pull-next", "/metrics", &[]).status, 0);
    assert_eq!(post("pull", &announcement(&pull, Some(&next))), 200);
    fs::write(machine.path("etc/telempulld/trusted_certificates.cfg"), "# nobody\n").unwrap();
    assert_eq!(machine.ask("pull-next", "/metrics", &[]).status, 0, "gone with the one that announced it");
    machine.stop();
}

#[test]
fn the_next_certificate_is_shown_once_all_who_ask_have_had_it_for_a_day() {
    let mut machine = Machine::new("pull_rate=0");
    let [one, two, read] =
        trust(&machine, [("one", ""), ("two", "role=pull role=administrate"), ("read", "role=read")]);
    machine.start();
    let said = |machine: &Machine, name: &str| json(&machine.ask(name, "/v3/identity", &[]).body);
    let old = said(&machine, "one")["fingerprint"].as_str().unwrap().to_owned();
    assert!(machine.log().contains(&old));
    assert_eq!(said(&machine, "one")["next"], serde_json::Value::Null);
    let next = renew(&machine);
    // Who asks for the head alone has heard of nothing.
    assert_eq!(machine.ask("two", "/v3/identity", &["--head"]).status, 200);
    for name in ["one", "read"] {
        assert_eq!(said(&machine, name)["next"]["fingerprint"], *next);
    }
    let announced = machine.path("state/identity/telempulld/announced");
    let text = fs::read_to_string(&announced).unwrap();
    assert!(text.starts_with(&next) && text.contains(&one) && text.contains(&read) && !text.contains(&two));
    // A day later, but one of those who ask has not heard of it.
    let age = |machine: &mut Machine| {
        machine.stop();
        let text = fs::read_to_string(&announced).unwrap();
        let (head, peers) = text.split_once('\n').unwrap();
        let peers: String =
            peers.lines().map(|line| format!("1 {}\n", line.split_once(' ').unwrap().1)).collect();
        fs::write(&announced, format!("{head}\n{peers}")).unwrap();
        machine.start();
    };
    age(&mut machine);
    assert_eq!(said(&machine, "one")["fingerprint"], *old);
    assert_eq!(said(&machine, "two")["next"]["fingerprint"], *next);
    assert_eq!(said(&machine, "one")["fingerprint"], *old, "for less than a day");
    age(&mut machine);
    wait_until("it is shown", || said(&machine, "one")["fingerprint"] == *next);
    assert_eq!(said(&machine, "one")["next"], serde_json::Value::Null);
    assert!(!announced.exists() && !machine.path("state/identity/telempulld/next_certificate.pem").exists());
    // By hand, without a restart.
    let last = renew(&machine);
    let files = ["next_certificate.pem", "srv_certificate.pem"]
        .map(|name| machine.path(&format!("state/identity/telempulld/{name}")));
    fs::rename(&files[0], &files[1]).unwrap();
    assert_eq!(said(&machine, "two")["fingerprint"], *last);
    // Half a file is no certificate, and the one from before is shown further.
    machine.write_private("state/identity/telempulld/srv_certificate.pem", "half");
    machine.write_private("state/identity/telempulld/next_certificate.pem", "half");
    assert_eq!(said(&machine, "two")["fingerprint"], *last);
    assert_eq!(said(&machine, "two")["next"], serde_json::Value::Null);
    assert!(machine.log().contains("the certificate from before is shown further"), "{}", machine.log());
    machine.stop();
}
