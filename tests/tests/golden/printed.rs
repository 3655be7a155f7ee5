//! What telemctl prints of what d48c008 left, to the letter: people read it, and scripts and monitoring parse it.

use crate::expected::assert_expected;
use crate::inheritance::{Inheritance, TWO_DAYS, set_modified, stdout};
use crate::normal::normal;
use crate::socket::OF_MACHINE;
use nix::unistd::{User, geteuid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Output;
use std::time::SystemTime;
use test_harness::directory::names;

/// The whole machine, two days later and with no daemon running.
fn machine() -> Inheritance {
    let parts = ["state", "spool", "log", "run", "cache", "own.conf"];
    let machine = Inheritance::new(TWO_DAYS, &parts);
    let path = |name| machine.sandbox.path(name);
    fs::rename(path("state/journalprobe-outbox.json"), path("state/journalprobe.json")).unwrap();
    fs::remove_file(path("state/journalprobe-held.json")).unwrap();
    machine
}

/// Disk blocks of the files that wait, in bytes: which they are depends on the file system.
fn disk_bytes(spool: &Path) -> u64 {
    let entries = fs::read_dir(spool).unwrap().map(Result::unwrap);
    let visible = entries.filter(|entry| !entry.file_name().to_str().unwrap().starts_with('.'));
    let files = visible.map(|entry| entry.metadata().unwrap());
    files.filter(|metadata| metadata.is_file()).map(|metadata| metadata.blocks() * 512).sum()
}

fn assert_printed(machine: &Inheritance, name: &str, args: &[&str]) {
    assert_output(machine, name, stdout(machine.telemctl("telemctl", args)).as_str());
}

fn assert_output(machine: &Inheritance, name: &str, text: &str) {
    let bytes = disk_bytes(&machine.sandbox.spool_dir());
    let user = User::from_uid(geteuid()).unwrap();
    let user = user.map_or_else(|| format!("user {}", geteuid()), |user| user.name);
    let text = text
        .replace(&format!(", {} KiB,", bytes.div_ceil(1024)), ", @DISK@ KiB,")
        .replace(&format!("\"disk_bytes\": {bytes},"), "\"disk_bytes\": @DISK@,")
        .replace(&format!("telemetry_spool_bytes {bytes}\n"), "telemetry_spool_bytes @DISK@\n")
        .replace(&format!(" is {user}'s, mode"), " is @USER@'s, mode");
    assert_expected(name, &normal(&text, &machine.sandbox));
}

#[test]
fn the_status() {
    let machine = machine();
    assert_printed(&machine, "status.txt", &["status"]);
    assert_printed(&machine, "status.json", &["status", "--json"]);
    assert_printed(&machine, "status.prometheus", &["status", "--prometheus"]);
}

/// Errors are found: no daemon runs, and no server is there.
fn found(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    // Whose crashes are, is the machine's.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.contains(" crashes: ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_findings_of_doctor() {
    let machine = machine();
    assert_output(&machine, "doctor.txt", &found(machine.telemctl("telemctl", &["doctor"])));
    let json = found(machine.telemctl("telemctl", &["doctor", "--json"]));
    let mut findings: serde_json::Value = serde_json::from_str(&json).unwrap();
    findings["findings"].as_array_mut().unwrap().retain(|finding| finding["about"] != "crashes");
    assert_output(&machine, "doctor.json", &format!("{findings:#}\n"));
}

#[test]
fn the_delivery_log() {
    let machine = machine();
    assert_printed(&machine, "journal.txt", &["journal", "-V", "-i"]);
    let text = stdout(machine.telemctl("telem_journal", &["-V"]));
    assert_output(&machine, "telem_journal.txt", &text);
}

#[test]
fn the_rejected_records() {
    let machine = machine();
    let directory = machine.sandbox.path("spool/.rejected");
    // When they were rejected, the answers say.
    let now = SystemTime::now();
    names(&directory).iter().for_each(|name| set_modified(&directory.join(name), now));
    assert_printed(&machine, "rejected.txt", &["rejected", "list"]);
    assert_printed(&machine, "rejected.json", &["rejected", "list", "--json"]);
    let ids = names(&directory);
    let shown = ids.iter().filter(|name| !name.ends_with(".answer"));
    let shown: Vec<_> =
        shown.map(|id| stdout(machine.telemctl("telemctl", &["rejected", "show", id]))).collect();
    assert_output(&machine, "rejected_shown.txt", &shown.join("---\n"));
}

#[test]
fn a_preview() {
    let machine = machine();
    let text = stdout(machine.telemctl("telemctl", &["preview", "--json"]));
    let mut preview: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in OF_MACHINE.into_iter().chain(["machine_id", "event_id"]) {
        preview["headers"][name] = "@MACHINE@".into();
    }
    assert_output(&machine, "preview.json", &format!("{preview:#}\n"));
}
