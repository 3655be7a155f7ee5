//! Logs of the kernel and what is sent of them, side by side in `kernel_log/`: NAME.log and NAME.expected.
//! `RENEW_GOLDEN=1 cargo test -p telemetry-kernel --test kernel_log` writes the expected ones anew; read the difference then.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use telemetry_kernel::log::{Privacy, Scanner, read_line, tables};
use test_harness::Sandbox;

/// Names in the logs that are of people, their devices and their programs.
const PRIVATE: [&str; 16] = [
    "letter to ann",
    "diary of eve",
    "ext4 eve",
    "family photos",
    "/home/eve",
    "secretive",
    "QX42SERIAL",
    "00:00:5e:00:53:0",
    "00005e00530",
    "192.0.2.7",
    "store.example.org",
    "3f2504e0-4f89",
    "cpuset=eve",
    "chatter",
    "not_ours",
    "not the kernel's",
];

fn logs() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel_log");
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect();
    logs.sort();
    assert!(logs.len() > 20, "{logs:?}");
    logs
}

/// klogscanner in a directory of its own, where nobody has opted in: --file sends nothing.
fn klogscanner(etc_files: &[&str], args: &[&str], stdin: Stdio) -> Output {
    let sandbox = Sandbox::bare("");
    etc_files.iter().for_each(|name| drop(sandbox.write(&format!("etc/{name}"), "")));
    sandbox.configured("klogscanner", args).stdin(stdin).output().unwrap()
}

fn printed(log: &Path) -> String {
    let output = klogscanner(&[], &["--file", log.to_str().unwrap()], Stdio::null());
    assert!(output.status.success(), "{}: {}", log.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_log_gives_what_stands_beside_it() {
    for log in logs() {
        let expected = log.with_extension("expected");
        let printed = printed(&log);
        if std::env::var_os("RENEW_GOLDEN").is_some() {
            fs::write(&expected, printed).unwrap();
        } else {
            assert_eq!(printed, fs::read_to_string(expected).unwrap(), "{}", log.display());
        }
    }
}

#[test]
fn the_same_failure_in_every_form_is_the_same_record() {
    let forms: Vec<_> = logs()
        .into_iter()
        .filter(|log| log.file_name().unwrap().to_str().unwrap().starts_with("form_"))
        .collect();
    assert!(forms.len() > 30, "{forms:?}");
    let expected = printed(&forms[0]);
    assert!(expected.contains("\n# 1 record would be sent\n"), "{expected}");
    for form in forms {
        assert_eq!(printed(&form), expected, "{}", form.display());
    }
}

#[test]
fn a_log_of_no_known_form_is_an_error_with_the_number_of_the_line() {
    let sandbox = Sandbox::bare("");
    for (log, sentence) in [
        ("", "there is no line in it"),
        ("root:x:0:0:root:/root:/bin/bash\n", "no line of it is of a known form"),
        ("time;text\n1;fine\n2;BUG: unable to handle page fault for address: 0\n", "line 3: "),
        ("[    1.000000] a: b\n7|Kernel panic - not syncing: x\n", "line 2: "),
    ] {
        let path = sandbox.write("log", log);
        let output = klogscanner(&[], &["--file", path.to_str().unwrap()], Stdio::null());
        assert_eq!(output.status.code(), Some(1), "{log}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(sentence) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn no_address_and_no_register_is_told() {
    for log in logs() {
        let text = fs::read_to_string(&log).unwrap();
        let printed = printed(&log);
        // Every word of the log that is a number of the kernel's half of the address space, 64 or 32 bits.
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        for word in words.filter(|word| word.len() == 16 && word.starts_with("ffff")) {
            assert!(!printed.contains(word), "{}: {word}", log.display());
        }
        for name in PRIVATE {
            assert!(!printed.contains(name), "{}: {name}", log.display());
        }
    }
}

#[test]
fn with_the_override_registers_and_addresses_are_told() {
    let log = logs().into_iter().find(|log| log.ends_with("null_dereference_6.1.log")).unwrap();
    let output =
        klogscanner(&["opt-in-no-privacy-filters"], &["--file", log.to_str().unwrap()], Stdio::null());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("\nRegister RSP: 0018:ffffb1b2c0207e60\n"), "{printed}");
    assert!(printed.contains("\nRegister RIP: 0010:broken_write+0x5/0x10\n"), "{printed}");
}

#[test]
fn standard_input_is_a_log_too_and_one_that_is_not_there_is_named() {
    let log = fs::File::open(logs().first().unwrap()).unwrap();
    let output = klogscanner(&[], &["--file", "-"], log.into());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), printed(logs().first().unwrap()));
    let output = klogscanner(&[], &["--file", "/nowhere/kern.log"], Stdio::null());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/kern.log: No such file"));
}

#[test]
fn without_consent_nothing_is_read() {
    let output = klogscanner(&[], &[], Stdio::null());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("telemctl opt-in"), "{output:?}");
}

/// Two failures at once, line by line in turn; `left_out` has a bit for each line that is missing. No record may have
/// the functions of both.
fn assert_not_mixed(text: &str, left_out: u32) {
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(at, _)| left_out >> at & 1 == 0) {
        scanner.push(&read_line(line, at as u64).unwrap(), &mut found);
    }
    scanner.finish(&mut found);
    for oops in found {
        let payload = oops.payload(Privacy::Filtered, &[]);
        assert!(!(payload.contains(" fa") && payload.contains(" fb")), "{left_out:b}: {payload}");
        // Of the one that does not name a function in its first line.
        let is_null_dereference = payload.contains("Reason: BUG: kernel NULL");
        assert!(!(is_null_dereference && payload.contains(" fa")), "{left_out:b}: {payload}");
    }
}

#[test]
fn lines_of_two_processors_are_never_told_as_one_whatever_is_missing() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel_log");
    let text = fs::read_to_string(directory.join("mixed_with_callers.log")).unwrap();
    assert_eq!(text.lines().count(), 17);
    (0..1 << 17).for_each(|left_out| assert_not_mixed(&text, left_out));
}

/// Where nobody says who wrote a line, one line more or less must not matter.
#[test]
fn lines_without_callers_are_not_told_as_one_either() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel_log");
    let text = fs::read_to_string(directory.join("mixed_without_callers.log")).unwrap();
    for one in 0..17 {
        for other in 0..17 {
            assert_not_mixed(&text, 1 << one | 1 << other);
        }
    }
    assert_not_mixed(&text, 0);
}

#[test]
fn the_note_prints_the_tables() {
    const MARK: &str = "<!-- printed from the tables -->\n";
    let note = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/kernel-logs.md");
    let text = fs::read_to_string(&note).unwrap();
    let (preface, printed) = text.split_once(MARK).unwrap();
    let expected = format!("\n{}", tables());
    if std::env::var_os("RENEW_GOLDEN").is_some() {
        fs::write(&note, format!("{preface}{MARK}{expected}")).unwrap();
    } else {
        assert_eq!(printed, expected);
    }
}
