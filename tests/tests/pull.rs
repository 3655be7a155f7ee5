//! telemctl and those who ask how the machine is: what they would be answered is shown before, who is trusted is changed and
//! counts at once, and what the configuration has switched on is said.
// Outside of the test functions too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use system_tests::asked::Asked;
use test_harness::{Sandbox, until};

const FIELDS: &str =
    "?fields=operating_system,readings,windows,sensors,checks,certificates,packages,processes";

/// Series without their values.
fn series(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| if line.starts_with('#') { line } else { line.rsplit_once(' ').unwrap().0 })
        .collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Names and labels of the readings of an answer.
fn readings(answer: &Value) -> BTreeSet<String> {
    let readings = answer["readings"].as_array().unwrap();
    readings.iter().map(|reading| format!("{} {}", reading["name"], reading["labels"])).collect()
}

#[test]
fn a_preview_is_what_is_answered_and_keeps_nothing() {
    let mut asked =
        Asked::new(&[("limit_remote_data_set", "true"), ("certificate_files", "/etc/ssl/certs/none.pem")]);
    fs::remove_file(asked.sandbox.path("etc/opt-in")).unwrap();
    let before = asked.contents();
    let preview = |asked: &Asked, who| {
        let said = asked.sandbox.say(&["preview", "--environment", "--as", who]);
        assert_eq!(said.code, Some(0), "{who}: {said:?}");
        said.out
    };
    let shown = ["owner", "central", "read"].map(|who| preview(&asked, who));
    assert!(shown.iter().all(|text| !text.is_empty()));
    assert!(
        asked.sandbox.say(&["preview", "--environment"]).out.contains("org.telemetrics/environment/sample")
    );
    assert_eq!(asked.contents(), before);
    asked.sandbox.opt_in();
    asked.sandbox.set("pull_rate", "0");
    let fingerprint = asked.make_certificate("pull");
    assert_eq!(asked.sandbox.say(&["pull", "trust", &fingerprint]).code, Some(0));
    let _daemon = asked.start();
    let shown = ["owner", "central", "read"].map(|who| preview(&asked, who));
    let metrics = asked.ask_here("/metrics", &[]);
    assert_eq!(series(&shown[2]), series(&metrics.body));
    let (owner, answered) =
        (json(&shown[0]), json(&asked.ask_here(&format!("/v1/environment{FIELDS}"), &[]).body));
    assert_eq!(
        owner.as_object().unwrap().keys().collect::<Vec<_>>(),
        answered.as_object().unwrap().keys().collect::<Vec<_>>()
    );
    assert_eq!(readings(&owner), readings(&answered));
    for same in ["packages", "certificates", "operating_system", "client_version", "server", "version"] {
        assert_eq!(owner[same], answered[same], "{same}");
    }
    // To the byte, but for the moment.
    let limited = asked.ask("pull", &format!("/v1/environment{FIELDS}"), &[]);
    let without_time = |text: &str| {
        let (before, rest) = text.split_once("\"time\":\"").unwrap();
        format!("{before}{}", rest.split_once('"').unwrap().1)
    };
    assert_eq!(without_time(&shown[1]), without_time(&limited.body));
    assert!(!shown[1].contains("readings") && shown[1].contains("Linux version "));
}

#[test]
fn certificates_are_trusted_with_their_rights_and_no_more_at_once() {
    let asked = Asked::new(&[("member", "A/B/1"), ("server_code", "s1")]);
    let (sandbox, tool) = (&asked.sandbox, asked.make_certificate("tool"));
    let _daemon = asked.start();
    assert_eq!(asked.ask("tool", "/metrics", &[]).status, 0);
    let said = sandbox.say(&["pull", "trust", &tool, "role=read"]);
    assert!(said.code == Some(0) && said.out.contains("It gets /metrics."), "{said:?}");
    let answers =
        |asked: &Asked| ["/metrics", "/v1/environment"].map(|path| asked.ask("tool", path, &[]).status);
    assert_eq!(answers(&asked), [200, 403]);
    let said = sandbox.say(&["pull", "trust", &tool.to_lowercase().replace(':', ""), "client=A/B/1"]);
    assert!(said.out.contains("It gets SOAP, /v1/environment, /metrics."), "{said:?}");
    assert_eq!(answers(&asked), [200, 200]);
    assert!(sandbox.say(&["pull", "trust", &tool, "client=A/B/1"]).out.contains("was already"));
    let list = fs::read_to_string(sandbox.path("etc/telempulld/trusted_certificates.cfg")).unwrap();
    assert!(list.starts_with(&format!("{tool} client=A/B/1 added ")) && list.lines().count() == 1, "{list}");
    for wrong in [&["x"][..], &[&tool, "role=deliver"], &[&tool, "server=a:1"], &[&tool, "read"]] {
        let said = sandbox.say(&[&["pull", "trust"], wrong].concat());
        assert!(said.code == Some(1) && !said.err.is_empty(), "{said:?}");
    }
    let status = sandbox.say(&["pull"]);
    let shown = asked.server_certificate();
    let openssl = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(shown)
        .output()
        .unwrap();
    let own = String::from_utf8(openssl.stdout).unwrap();
    let own = own.trim().rsplit('=').next().unwrap();
    for part in [
        &format!("may ask at 127.0.0.1:{}", asked.port),
        "SERVER:A/B/1/s1",
        &format!("Certificate     {own}"),
        &format!("{tool} client=A/B/1: gets SOAP, /v1/environment, /metrics (added "),
        "Central client  none",
    ] {
        assert!(status.out.contains(part), "{part}: {}", status.out);
    }
    assert_eq!(sandbox.say(&["pull", "status"]).out, status.out);
    assert_eq!(sandbox.say(&["pull", "remove", &tool]).code, Some(0));
    assert_eq!(asked.ask("tool", "/metrics", &[]).status, 0);
    assert_eq!(sandbox.say(&["pull", "remove", &tool]).code, Some(1));
}

#[test]
fn the_first_in_a_window_is_trusted_and_a_connection_opens_none() {
    let asked = Asked::new(&[]);
    let (sandbox, first) = (&asked.sandbox, asked.make_certificate("first"));
    let second = asked.make_certificate("second");
    let _daemon = asked.start();
    for name in ["first", "second", "first"] {
        assert_eq!(asked.ask(name, "/metrics", &[]).status, 0, "{name}");
    }
    let said = sandbox.say(&["pull", "first-use", "10"]);
    assert!(said.code == Some(0) && said.out.contains("For 10 minutes"), "{said:?}");
    assert!(
        sandbox.say(&["pull"]).out.contains("First use       the next unknown certificate is trusted, for ")
    );
    assert_eq!(asked.ask("first", "/v1/environment", &[]).status, 200);
    assert_eq!(asked.ask("second", "/metrics", &[]).status, 0, "the window is closed");
    let status = sandbox.say(&["pull"]).out;
    assert!(
        status.contains(&format!("{first}: gets /v1/environment, /metrics (learned on first use since ")),
        "{status}"
    );
    assert!(!status.contains("First use  ") && !status.contains(&second), "{status}");
    assert_eq!(sandbox.say(&["pull", "remove", &first]).code, Some(0));
    assert_eq!(asked.ask("first", "/metrics", &[]).status, 0);
    let nowhere = Sandbox::new();
    let said = nowhere.say(&["pull", "first-use", "10"]);
    assert!(said.code == Some(1) && said.err.contains("pull_listen is empty"), "{said:?}");
}

#[test]
fn what_is_switched_on_is_said_in_plain_words() {
    let mut asked = Asked::new(&[("environment_interval", "60"), ("environment_readings", "system")]);
    asked.sandbox.write("etc/checks.d/load.conf", "[load]\nkind=load\n");
    let sandbox = &asked.sandbox;
    fs::remove_file(sandbox.path("etc/opt-in")).unwrap();
    let said = sandbox.say(&["opt-in"]);
    let expected = [
        "a sample is sent every 1 h 0 min, of the machine as a whole, in numbers".to_owned(),
        format!(
            "whoever has a certificate that is trusted may ask at 127.0.0.1:{} how this machine is",
            asked.port
        ),
        format!("programs of this machine may ask at 127.0.0.1:{}", asked.local_port),
        "checks".to_owned(),
    ];
    for part in &expected {
        assert!(said.out.contains(part), "{part}: {said:?}");
    }
    let (status, doctor) = (sandbox.say(&["status"]).out, sandbox.say(&["doctor"]).out);
    for part in &expected[..3] {
        assert!(status.contains(part), "{part}: {status}");
        assert!(doctor.contains(part), "{part}: {doctor}");
    }
    assert!(status.contains("Checks          defined in checks.d; none has run"), "{status}");
    assert!(doctor.contains("checks: are defined in checks.d"), "{doctor}");
    let json = json(&sandbox.say(&["status", "--json"]).out);
    assert_eq!(json["pull"]["listen"], format!("127.0.0.1:{}", asked.port));
    assert_eq!(json["pull"]["running"], false);
    let off = Sandbox::new();
    let (status, doctor) = (off.say(&["status"]).out, off.say(&["doctor"]).out);
    assert!(["Pull ", "Environment ", "Checks "].iter().all(|name| !status.contains(name)), "{status}");
    assert!([" pull:", " environment:", " checks:"].iter().all(|name| !doctor.contains(name)), "{doctor}");
    asked.sandbox.set("pull_listen", "");
    assert!(!asked.sandbox.say(&["status"]).out.contains("whoever has"));
}

/// The errors and warnings of doctor about a thing.
fn findings(sandbox: &Sandbox, about: &str) -> Vec<String> {
    let report = json(&sandbox.say(&["doctor", "--json"]).out);
    let found = report["findings"].as_array().unwrap().iter();
    let wrong = found.filter(|finding| finding["about"] == about && finding["level"] != "ok");
    wrong
        .map(|finding| {
            let part = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            assert!(!part("remedy").is_empty(), "{finding}");
            format!("{} {}; {}", part("level"), part("text"), part("remedy"))
        })
        .collect()
}

#[test]
fn doctor_finds_broken_set_ups_and_their_remedies_end_the_findings() {
    let mut asked = Asked::new(&[("member", "A/B/1"), ("environment_interval", "60")]);
    let tool = asked.make_certificate("tool");
    let path = |asked: &Asked, name: &str| asked.sandbox.path(name).display().to_string();
    let list = path(&asked, "etc/telempulld/trusted_certificates.cfg");
    let users = path(&asked, "users");
    let params = path(&asked, "params.xml");
    let sh = |command: &str| {
        assert!(
            std::process::Command::new("sh").args(["-c", command]).status().unwrap().success(),
            "{command}"
        );
    };
    let find = |asked: &Asked, about: &str, parts: &[&str]| {
        let found = findings(&asked.sandbox, about);
        let is_it = |line: &&String| parts.iter().all(|part| line.contains(part));
        assert!(found.iter().any(|line| is_it(&line)), "{parts:?}: {found:#?}");
    };
    let well = |asked: &Asked| {
        for about in ["pull", "environment", "checks"] {
            assert_eq!(findings(&asked.sandbox, about), [""; 0], "{about}");
        }
    };
    find(&asked, "pull", &["warning nobody is trusted", "`telemctl pull trust FINGERPRINT role=pull`"]);
    assert_eq!(asked.sandbox.say(&["pull", "trust", &tool, "role=pull"]).code, Some(0));
    well(&asked);
    let good = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{good}no fingerprint\n")).unwrap();
    find(&asked, "pull", &["error", "line 2", "correct that line"]);
    fs::write(&list, format!("{good}{} client=A/B/9\n", asked.make_certificate("other"))).unwrap();
    find(&asked, "pull", &["warning", "line 2", "gets nothing by client=A/B/9"]);
    fs::write(&list, good).unwrap();

    asked.sandbox.set("pull_password_file", &users);
    find(&asked, "pull", &["error pull_password_file", "is not there"]);
    fs::write(&users, "ann:plain\n").unwrap();
    fs::set_permissions(&users, Permissions::from_mode(0o640)).unwrap();
    find(&asked, "pull", &["error pull_password_file", "`htpasswd -B`"]);
    fs::write(&users, "ann:$2y$04$0123456789012345678901\n").unwrap();
    well(&asked);
    fs::set_permissions(&users, Permissions::from_mode(0o644)).unwrap();
    find(&asked, "pull", &["warning pull_password_file", "every user", &format!("`chmod o= {users}`")]);
    sh(&format!("chmod o= {users}"));
    well(&asked);

    asked.sandbox.set("monitoring_params", &params);
    find(&asked, "pull", &["warning monitoring_params", "nobody but the owner"]);
    fs::write(&params, "<broken").unwrap();
    find(&asked, "pull", &["error", "params.xml", &format!("`telemctl monitoring-params check {params}`")]);
    fs::write(&params, "<x:conf xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\"><monitoringClient/></x:conf>")
        .unwrap();
    well(&asked);

    asked.sandbox.set("environment_readings", "certificates");
    find(&asked, "environment", &["warning environment_readings has certificates", "certificate_files FILE"]);
    asked.sandbox.set("certificate_files", "/none.pem");
    find(&asked, "environment", &["warning the certificate /none.pem is not there"]);
    asked.sandbox.set("certificate_files", asked.key_file("tool", "pem").display().to_string());
    well(&asked);

    let definition = asked.sandbox.write("etc/checks.d/a.conf", "[load]\nkind=load\n[odd]\nkind=none\n");
    fs::set_permissions(&definition, Permissions::from_mode(0o644)).unwrap();
    find(&asked, "checks", &["error a.conf:", "the others run", "telemetrics-checks(5)"]);
    fs::write(&definition, "[load]\nkind=load\n").unwrap();
    well(&asked);
    fs::set_permissions(&definition, Permissions::from_mode(0o666)).unwrap();
    find(&asked, "checks", &["error a.conf:", "`chmod go-w`"]);
    sh(&format!("chmod go-w {}", definition.display()));
    well(&asked);
}

#[test]
fn a_changed_key_is_read_and_another_address_waits_for_a_restart() {
    let asked = Asked::new(&[]);
    let sandbox = &asked.sandbox;
    let daemon = asked.start();
    let said = sandbox.say(&["config", "set", "pull_rate", "7"]);
    assert!(said.out.contains("telempulld reads it now."), "{said:?}");
    daemon.wait_for_log("the configuration is read again");
    for (key, value) in [("pull_listen", "127.0.0.1:1"), ("pull_local", "")] {
        let said = sandbox.say(&["config", "set", key, value]);
        assert!(said.out.contains("It takes effect when the daemons are started again."), "{said:?}");
    }
    // Nobody who asks is lost meanwhile.
    assert_eq!(asked.ask_here("/metrics", &[]).status, 200);
}

#[test]
fn opt_out_ends_it_and_removes_the_last_hour() {
    let asked = Asked::new(&[("member", "A/B/1")]);
    let mut daemon = asked.start();
    daemon.stop();
    let window = asked.sandbox.path("run/telempulld.window");
    assert!(window.exists());
    let mut daemon = asked.start();
    let said = asked.sandbox.say(&["opt-out"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(until("telempulld ends", || daemon.try_status().unwrap()).success());
    assert!(!window.exists() && !asked.sandbox.path("state").exists());
}
