//! journalprobe on journals that systemd-journal-remote made: what it reports, in which words.

use std::fs;
use std::process::Output;
use telemetry_record::header::Header;
use test_harness::journal::{Entry, Journal};
use test_harness::{Process, Sandbox};

/// A sandbox with a telemprobd, and a journal that is read in it.
struct Scene {
    sandbox: Sandbox,
    journal: Journal,
    _daemon: Process,
}

impl Scene {
    fn new(entries: &[Entry]) -> Self {
        let sandbox = Sandbox::new();
        let journal = Journal::new(sandbox.path("journal"));
        journal.append("system.journal", entries);
        let daemon = sandbox.start_telemprobd();
        Self { sandbox, journal, _daemon: daemon }
    }

    fn run(&self, args: &[&str]) -> Output {
        let args = [&["--once", "--directory", self.journal.dir_arg()], args].concat();
        self.sandbox.run("journalprobe", &args)
    }

    /// The payloads of a run that ends with success, of all runs so far.
    fn payloads(&self) -> Vec<String> {
        let output = self.run(&[]);
        assert!(output.status.success(), "{}", said(&output));
        payloads(&self.sandbox)
    }
}

fn payloads(sandbox: &Sandbox) -> Vec<String> {
    let mut payloads: Vec<_> = sandbox.spooled().into_iter().map(|record| record.message.payload).collect();
    payloads.sort();
    payloads
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn exit_payload(unit: &str) -> String {
    format!("MESSAGE={unit}: Main process exited, code=exited, status=1/FAILURE\nUNIT={unit}\n")
}

#[test]
fn a_unit_that_failed_is_a_record() {
    let scene = Scene::new(&[Entry::exit("a.service", 60)]);
    assert_eq!(scene.payloads(), [exit_payload("a.service")]);
    let record = scene.sandbox.spooled().remove(0).message;
    assert_eq!(record.headers.value(Header::Classification), "org.clearlinux/journal/error");
    assert_eq!(record.headers.value(Header::Severity), "2");
    assert_eq!(record.headers.value(Header::PayloadFormatVersion), "1");
    assert_eq!(scene.payloads().len(), 1, "it is reported once");
}

#[test]
fn a_unit_that_fails_in_a_loop_is_a_record_in_ten_minutes() {
    let loops = (0..25).rev().map(|minute| {
        let message = format!("a.service: Main process {minute} exited, code=exited, status=1/FAILURE");
        Entry::exit("a.service", 3600 + 60 * minute).with("MESSAGE", message)
    });
    let scene = Scene::new(&loops.collect::<Vec<_>>());
    let payload = |minute: u32, count: u32| {
        format!(
            "MESSAGE=a.service: Main process {minute} exited, code=exited, status=1/FAILURE\nUNIT=a.service\nREPEATED={count}\n"
        )
    };
    assert_eq!(scene.payloads(), [payload(14, 10), payload(24, 10), payload(4, 5)]);
}

#[test]
fn each_unit_has_its_record() {
    let mut entries = Vec::new();
    for round in 0..3 {
        for unit in ["a.service", "b@1.service", "b@2.service", "c.mount"] {
            entries.push(Entry::exit(unit, 60 - round));
        }
    }
    entries.push(Entry::exit("user.service", 50).without("UNIT").with("USER_UNIT", "user.service"));
    let nameless = Entry::new(40).with("EXIT_CODE", "exited").with("MESSAGE", "gone");
    entries.push(nameless.clone());
    entries.push(nameless.with("_SYSTEMD_UNIT", "own.service"));
    entries.push(Entry::new(10).with("MESSAGE", "all is well").with("PRIORITY", "6"));
    entries.push(Entry::exit("killed.service", 5).with("EXIT_CODE", "killed"));
    let scene = Scene::new(&entries);
    let repeated = |unit: &str| exit_payload(unit) + "REPEATED=3\n";
    let expected = [
        repeated("a.service"),
        repeated("b@1.service"),
        repeated("b@2.service"),
        repeated("c.mount"),
        "MESSAGE=gone\n".to_owned(),
        "MESSAGE=gone\nUNIT=own.service\n".to_owned(),
        exit_payload("user.service"),
    ];
    assert_eq!(scene.payloads(), expected);
}

#[test]
fn a_message_of_any_bytes_is_one_line() {
    let base = Entry::new(60).with("EXIT_CODE", "exited");
    let scene = Scene::new(&[
        base.clone().with("MESSAGE", "first line\nUNIT=forged.service\n\tthird").with("UNIT", "a.service"),
        base.clone().with("MESSAGE", b"\xff\x00\xfebinary\x1b[0m".as_slice()).with("UNIT", "b\nREPEATED=9"),
        base.clone().with("MESSAGE", "x".repeat(3 << 20)).with("UNIT", "y".repeat(100_000)),
        base.with("UNIT", "silent.service"),
    ]);
    let expected = [
        "MESSAGE=\nUNIT=silent.service\n".to_owned(),
        "MESSAGE=first line UNIT=forged.service  third\nUNIT=a.service\n".to_owned(),
        format!("MESSAGE={}\nUNIT={}\n", "x".repeat(4096), "y".repeat(255)),
        "MESSAGE=\u{fffd} \u{fffd}binary [0m\nUNIT=b REPEATED=9\n".to_owned(),
    ];
    assert_eq!(scene.payloads(), expected);
}

#[test]
fn errors_are_reported_only_where_the_administrator_allows_it() {
    let of_priority = |priority: u32| {
        let message = format!("priority {}", ["zero", "one", "two", "three", "four"][priority as usize]);
        Entry::new(60).with("MESSAGE", message).with("PRIORITY", priority.to_string())
    };
    let mut entries: Vec<_> = (0..5).map(of_priority).collect();
    entries.push(Entry::exit("a.service", 50).with("PRIORITY", "3"));
    entries.push(Entry::new(5).with("MESSAGE", "my own").with("PRIORITY", "3").with("_COMM", "journalprobe"));
    entries.push(of_priority(2).of_boot("0123456789abcdef0123456789abcdef"));
    let scene = Scene::new(&entries);
    assert_eq!(scene.payloads(), [exit_payload("a.service")]);

    let allowed = Scene::new(&entries);
    allowed.sandbox.write("etc/opt-in-no-privacy-filters", "");
    let errors = ["one", "three", "two", "zero"].map(|word| format!("MESSAGE=priority {word}\n"));
    assert_eq!(allowed.payloads(), [[exit_payload("a.service")].as_slice(), &errors].concat());
}

#[test]
fn entries_of_other_boots_are_not_reported() {
    let other = "0123456789abcdef0123456789abcdef";
    let scene =
        Scene::new(&[Entry::exit("old.service", 9000).of_boot(other), Entry::exit("new.service", 60)]);
    assert_eq!(scene.payloads(), [exit_payload("new.service")]);
    let output = scene.run(&["--boot", "01234567-89ab-cdef-0123-456789abcdef"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(payloads(&scene.sandbox), [exit_payload("new.service"), exit_payload("old.service")]);
    assert_eq!(scene.run(&["--boot", "last"]).status.code(), Some(1));
}

#[test]
fn a_damaged_file_does_not_hide_the_others() {
    let scene = Scene::new(&[Entry::exit("good.service", 60)]);
    let journal = &scene.journal;
    fs::write(journal.file("noise.journal"), vec![b'x'; 100_000]).unwrap();
    // Cut short, as by a power cut.
    journal.append("cut.journal", &[Entry::exit("cut.service", 50)]);
    let bytes = fs::read(journal.file("cut.journal")).unwrap();
    fs::write(journal.file("cut.journal"), &bytes[..4096]).unwrap();
    let output = scene.run(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(payloads(&scene.sandbox), [exit_payload("good.service")]);
    for name in ["noise.journal", "cut.journal"] {
        assert_eq!(said(&output).matches(name).count(), 1, "{}", said(&output));
    }
    assert!(!said(&output).contains("system.journal"), "{}", said(&output));
}

#[test]
fn a_file_with_damaged_entries_is_reported_and_the_others_are_read() {
    let entries: Vec<_> = (0..200).map(|n| Entry::exit(&format!("bad{n}.service"), 500 - n)).collect();
    let scene = Scene::new(&[Entry::exit("good.service", 60)]);
    scene.journal.append("damaged.journal", &entries);
    let path = scene.journal.file("damaged.journal");
    let mut bytes = fs::read(&path).unwrap();
    // The head says where the journal is sound; what it points to is not.
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end / 2..=end].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let output = scene.run(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(payloads(&scene.sandbox).contains(&exit_payload("good.service")));
    assert_eq!(said(&output).matches("damaged.journal").count(), 1, "{}", said(&output));
}

/// libsystemd says nothing of such a file, and reads nothing behind the gap.
#[test]
fn a_file_zeroed_in_its_middle_is_named() {
    let entries: Vec<_> = (0..200).map(|n| Entry::exit(&format!("lost{n}.service"), 500 - n)).collect();
    let scene = Scene::new(&[Entry::exit("good.service", 60)]);
    scene.journal.append("zeroed.journal", &entries);
    let path = scene.journal.file("zeroed.journal");
    let mut bytes = fs::read(&path).unwrap();
    let quarter = bytes.len() / 4;
    bytes[quarter..2 * quarter].fill(0);
    fs::write(&path, bytes).unwrap();
    let output = scene.run(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(payloads(&scene.sandbox).contains(&exit_payload("good.service")));
    assert_eq!(said(&output).matches("zeroed.journal").count(), 1, "{}", said(&output));
    assert!(!said(&output).contains("system.journal"), "{}", said(&output));
}

#[test]
fn without_consent_nothing_is_read() {
    let sandbox = Sandbox::new();
    sandbox.opt_out();
    for args in [&[][..], &["-t"], &["--once"]] {
        let output = sandbox.run("journalprobe", args);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said(&output).contains("telemctl opt-in") && said(&output).lines().count() == 1,
            "{}",
            said(&output)
        );
    }
    assert!(!sandbox.path("state").exists() && !sandbox.path("run").exists());
}

#[test]
fn what_is_wrong_is_said_in_a_line() {
    let scene = Scene::new(&[]);
    let nowhere = scene.sandbox.path("nowhere");
    let output = scene.sandbox.run("journalprobe", &["--directory", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("nowhere: No such file") && said(&output).lines().count() == 1,
        "{}",
        said(&output)
    );
    assert!(!scene.sandbox.path("state/journalprobe-other.json").exists());
}
