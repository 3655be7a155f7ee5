//! The programs that people and scripts call: words, options and exit codes of the contract.

use std::fs;
use std::process::{Command, Output, Stdio};
use test_harness::{Sandbox, programs};

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(programs::path(program)).args(args).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_program_has_help_and_a_version() {
    for (program, code) in [
        ("telemprobd", 1),
        ("telempostd", 1),
        ("telemctl", 2),
        ("telem_journal", 2),
        ("hprobe", 1),
        ("telem-record-gen", 1),
        ("crashprobe", 1),
        ("klogscanner", 1),
        ("pstoreclean", 1),
        ("pstoreprobe", 1),
        ("journalprobe", 1),
        ("telem-collector", 2),
    ] {
        let help = run(program, &["--help"]);
        assert!(help.status.success() && text(&help.stdout).contains("Usage:"), "{program}");
        assert!(run(program, &["-h"]).status.success(), "{program}");
        let version = run(program, &["--version"]);
        assert!(text(&version.stdout).starts_with(program), "{program}: {version:?}");
        let wrong = run(program, &["--no-such-option"]);
        assert_eq!(wrong.status.code(), Some(code), "{program}");
        assert!(text(&wrong.stderr).contains("--no-such-option"), "{program}");
        // Cut short, as getopt_long takes it; the collector is no program of old.
        if program != "telem-collector" {
            assert_eq!(run(program, &["--versio"]).stdout, version.stdout, "{program}");
        }
    }
}

#[test]
fn a_command_line_is_read_as_getopt_long_reads_it() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let config = sandbox.config_arg();
    let config_abbreviated = format!("--config={config}");
    for (args, payload) in [
        (vec!["-f", "/nonexistent", "-f", &config, "-c", "a/b/c", "-p", "-text"], "-text"),
        (vec![&*config_abbreviated, "--cla=x/y", "--cl", "a/b/c", "--payload", "--echo"], "--echo"),
        (vec!["-f", &config, "-cx/y", "-ca/b/c", "-s2", "-s", "1", "-opfirst", "-p", "--"], "--"),
    ] {
        let output = run("telem-record-gen", &args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        let lines = headers_of(&sandbox, |sent| sent == payload);
        assert!(lines.contains("classification: a/b/c\nseverity: 1\n"), "{args:?}: {lines}");
    }
    assert!(run("hprobe", &["--conf", "/nonexistent", "-Hluf", &config, "--heart"]).status.success());
    let lines =
        headers_of(&sandbox, |sent| sent.starts_with("hello\nLC_ALL: ") && sent.contains("\nuptime: "));
    assert!(lines.contains("classification: org.clearlinux/heartbeat/ping\n"), "{lines}");
    for (args, named) in [(["--p", "text"], "--p"), (["-c", "a/b"], "three parts"), (["-s", "-1"], "-1")] {
        let output = sandbox.run("telem-record-gen", &args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains(named), "{args:?}: {output:?}");
    }
}

/// The header lines of a record in the spool that has such a payload.
fn headers_of(sandbox: &Sandbox, is_it: impl Fn(&str) -> bool) -> String {
    let spooled = sandbox.spooled();
    let record = spooled.iter().find(|record| is_it(&record.message.payload));
    record.unwrap_or_else(|| panic!("not among {spooled:?}")).message.headers.as_str().to_owned()
}

#[test]
fn hprobe_says_what_it_is_asked_to() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let config = sandbox.config_arg();
    let output = Command::new(programs::path("hprobe"))
        .args(["-f", &config, "-H", "-l", "-u", "-b"])
        .env("LC_ALL", "de_DE.UTF-8")
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "Successfully sent record to daemon.\n");
    let record = sandbox.spooled().remove(0).message;
    assert!(record.headers.as_str().contains("classification: org.clearlinux/heartbeat/ping\nseverity: 1\n"));
    let lines: Vec<_> = record.payload.lines().collect();
    assert_eq!(lines[..2], ["hello", "LC_ALL: de_DE.UTF-8"]);
    assert!(lines[2].strip_prefix("uptime: ").unwrap().parse::<u64>().is_ok());
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with("Bundles ("));
}

#[test]
fn telem_record_gen_prints_without_sending() {
    let sandbox = Sandbox::new();
    let payload = sandbox.write("payload", "from a file\n");
    let args =
        ["-n", "-o", "-c", "org.example/gen/file", "-s", "3", "-R", "5", "-P", payload.to_str().unwrap()];
    let output = sandbox.run("telem-record-gen", &args);
    assert!(output.status.success(), "{output:?}");
    let printed = text(&output.stdout);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 16, "{printed}");
    assert_eq!(lines[1], "classification: org.example/gen/file");
    assert_eq!(lines[2], "severity: 3");
    assert_eq!(lines[9], "payload_format_version: 5");
    assert_eq!(lines[15], "from a file");
    assert!(sandbox.spooled().is_empty());
}

#[test]
fn telem_record_gen_takes_the_options_of_the_contract() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start_telemprobd();
    let config = sandbox.config_arg();
    for name in ["--config-file", "--config_file"] {
        let args = [
            name,
            &config,
            "--severity",
            "2",
            "--class",
            "org.example/gen/long",
            "--payload",
            "text",
            "--record-version",
            "7",
            "--event-id",
            "0123456789abcdef0123456789abcdef",
            "--echo",
        ];
        let output = run("telem-record-gen", &args);
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stdout).contains("event_id: 0123456789abcdef0123456789abcdef\ntext\n"));
    }
    assert_eq!(sandbox.spooled().len(), 2);
}

#[test]
fn telem_record_gen_refuses_with_a_reason() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("binary"), [0xff, 0xfe, 0x00]).unwrap();
    let binary = sandbox.path("binary");
    for (args, reason) in [
        (vec!["-c", "two/parts", "-p", "x"], "three parts"),
        (vec!["-c", "a/b/c", "-p", "x", "-e", "XYZ"], "32 lowercase hexadecimal digits"),
        (vec!["-c", "a/b/c", "-p", "\u{1b}[0m"], "control characters"),
        (vec!["-c", "a/b/c", "-P", "/nonexistent"], "/nonexistent"),
        (vec!["-c", "a/b/c", "-P", binary.to_str().unwrap()], "UTF-8"),
    ] {
        let output = sandbox.run("telem-record-gen", &args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(reason) && stderr.lines().count() == 1, "{args:?}: {stderr}");
    }
    for args in [vec!["-p", "x"], vec!["-c", "a/b/c", "-s", "5"], vec!["-c", "a/b/c", "-s", "0"]] {
        assert_eq!(sandbox.run("telem-record-gen", &args).status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn errors_show_characters_that_act_or_hide_as_numbers() {
    let sandbox = Sandbox::new();
    let config = sandbox.config_arg();
    let evil = "/a\u{1b}[2J\u{202e}b\u{9b}";
    for (program, args) in [
        ("hprobe", &["-f", evil][..]),
        ("hprobe", &[evil]),
        ("telem-record-gen", &["-f", evil, "-c", "a/b/c"]),
        ("telem-record-gen", &["-f", config.as_str(), "-c", "a/b/c", "-n", "-P", evil]),
        ("telem-record-gen", &["-n", "-c", evil]),
        ("telem-record-gen", &["-n", "-s", evil, "-c", "a/b/c"]),
        ("telemctl", &["-f", evil, "status"]),
        ("telemctl", &[evil]),
        ("telemctl", &["journal", evil]),
        ("telemprobd", &["-f", evil]),
        ("telempostd", &[evil]),
        ("klogscanner", &["-f", evil]),
        ("pstoreprobe", &[evil]),
    ] {
        let output = run(program, args);
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        assert!(!output.status.success() && !said.is_empty(), "{program} {args:?}");
        let harmful: Vec<_> =
            said.chars().filter(|c| *c != '\n' && telemetry_record::harmless::is_harmful(*c)).collect();
        assert!(harmful.is_empty(), "{program} {args:?}: {harmful:?} in {said:?}");
    }
}
