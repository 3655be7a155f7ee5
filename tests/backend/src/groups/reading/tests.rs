//! Readings of whole records.

use super::*;
use proptest::prelude::*;

fn record<'a>(classification: &'a str, payload: &'a str) -> Record<'a> {
    Record { classification, payload, system_name: "debian", build: "12", kernel_version: "6.1.0-99-amd64" }
}

fn shown(reading: &Reading) -> Vec<String> {
    reading.variant.frames.iter().map(ToString::to_string).collect()
}

#[test]
fn a_crash() {
    let payload = "Process: /usr/bin/editor\nSignal: 11\nPackage: editor 1:2.0-3\nLibrary: libplug1 1.4-1\n\nBacktrace (TID 1):\n\
        #0 ??? - [libplug.so.1.4] +0x1234\n#1 load(char const*) - [/usr/bin/editor]\n#2 loop - [editor]\n#3 loop - [editor]\n\
        #4 main() - [editor] (by signal frame)\n\nModules:\nlibplug.so.1.4 0A0B5F3C6A7D445D75BA01CC33220D15E9DE8D5F +0x1234\n";
    let reading = read(&record("org.clearlinux/crash/clr", payload)).unwrap();
    assert_eq!((reading.variant.kind, reading.variant.subject.as_str()), (Kind::Crash, "editor"));
    assert_eq!(
        shown(&reading),
        ["libplug.so.1+0x1234@0a0b5f3c6a7d445d", "load [editor]", "loop [editor]", "main [editor]"]
    );
    assert!(reading.variant.frames[3].is_interrupted);
    assert_eq!(reading.frame_numbers, [0, 1, 2, 4]);
    assert_eq!(reading.package, Some(("editor".to_owned(), "1:2.0-3".to_owned())));
    assert_eq!(reading.library, Some(("libplug1".to_owned(), "1.4-1".to_owned())));
    assert_eq!(reading.kernel_version, None);
    // A package's name is what it is: two of one program are two lines.
    let reading =
        read(&record("a/crash/clr", "Process: p\nPackage: python3.11 3.11.2-6\n#0 f - [p]\n")).unwrap();
    assert_eq!(reading.package.unwrap().0, "python3.11");
}

#[test]
fn names_from_debug_files() {
    let payload = "Process: e\n#0 ??? - [libp.so.1.4] +0x10\n#1 ??? - [libp.so.1.4] +0x20\n#2 main - [e]\n\nModules:\nlibp.so.1.4 AABBCCDD\n";
    let address = |offset| Address { build_id: "aabbccdd".to_owned(), offset };
    assert_eq!(unnamed(payload), [address(0x10), address(0x20)]);
    let lookup = |asked: &Address| match asked.offset {
        0x10 => vec!["inner(int)".to_owned(), "outer".to_owned()],
        _ => Vec::new(),
    };
    let reading = read_with(&record("a/crash/clr", payload), &lookup).unwrap();
    assert_eq!(
        shown(&reading),
        ["inner [libp.so.1]", "outer [libp.so.1]", "libp.so.1+0x20@aabbccdd", "main [e]"]
    );
    assert_eq!(reading.frame_numbers, [0, 0, 1, 2]);
    let looked_up: Vec<bool> = reading.variant.frames.iter().map(|token| token.is_looked_up).collect();
    assert_eq!(looked_up, [true, true, false, false]);
    // A client that had the names says the same of it.
    let with_symbols = payload
        .replace("#0 ??? - [libp.so.1.4] +0x10", "#0 inner(int) - [libp.so.1.4]\n#1 outer - [libp.so.1.4]")
        .replace("#1 ???", "#2 ???")
        .replace("#2 main", "#3 main");
    let named = read(&record("a/crash/clr", &with_symbols)).unwrap();
    assert_eq!(named.variant.hash(), reading.variant.hash());
    // One that stands for many gets them from its own frames.
    let raw = read(&record("a/crash/clr", payload)).unwrap().variant;
    let names = |token: &Token| if token.is_at(&address(0x10)) { lookup(&address(0x10)) } else { Vec::new() };
    assert_eq!(raw.with_names(&names), reading.variant);
    assert!(raw.has_unnamed() && reading.variant.has_unnamed());
    // Of functions that the compiler put into one another, a signal interrupts the innermost.
    let payload = payload.replace("+0x10", "+0x10 (by signal frame)");
    let frames = read_with(&record("a/crash/clr", &payload), &lookup).unwrap().variant.frames;
    assert_eq!(
        frames.iter().map(|token| token.is_interrupted).collect::<Vec<_>>(),
        [true, false, false, false]
    );
    assert!(unnamed("#0 ??? - [m] +0x10\n#1 f - [m]\n").is_empty());
}

#[test]
fn recursion_without_names_is_known_once_it_has_them() {
    let frames: String =
        (0..30).map(|n| format!("#{n} ??? - [m] +{:#x}\n", [0x10, 0x18, 0x20][n % 3])).collect();
    let payload =
        format!("Process: p\nSignal: 11\nCause: SIGSEGV: stack overflow\n{frames}\nModules:\nm aabbccdd\n");
    let lookup = |asked: &Address| vec![if asked.offset < 0x20 { "walk" } else { "visit" }.to_owned()];
    let reading = read_with(&record("a/crash/clr", &payload), &lookup).unwrap();
    assert_eq!(reading.variant.kind, Kind::StackOverflow);
    assert!(reading.variant.is_cycle);
    assert_eq!(shown(&reading), ["visit [m]", "walk [m]", "walk [m]"]);
    assert!(reading.variant.frames.iter().all(|token| token.is_looked_up));
}

#[test]
fn a_stack_overflow_is_its_cycle() {
    let frames = |names: &[&str]| {
        let lines: Vec<_> =
            names.iter().enumerate().map(|(at, name)| format!("#{at} {name}() - [jsond]\n")).collect();
        format!("Process: jsond\nSignal: 11\nCause: SIGSEGV: stack overflow\n{}", lines.concat())
    };
    let one = frames(&["leaf", "parse_val", "parse_obj", "parse_val", "parse_obj", "parse_val"]);
    let other = frames(&["parse_obj", "parse_val", "parse_obj", "parse_val", "parse_obj"]);
    let one = read(&record("org.clearlinux/crash/clr", &one)).unwrap();
    let other = read(&record("org.clearlinux/crash/clr", &other)).unwrap();
    assert_eq!(shown(&one), ["parse_obj [jsond]", "parse_val [jsond]"]);
    assert_eq!(one.variant.hash(), other.variant.hash());
    assert_eq!(one.frame_numbers, [2, 1]);
    // One function that is there twice: where the stack is cut still makes no difference.
    let names = ["a", "b", "a", "c", "a", "b", "a", "c", "a", "b", "a", "c"];
    let cycles = (0..4).map(|top| read(&record("org.clearlinux/crash/clr", &frames(&names[top..]))).unwrap());
    let hashes: std::collections::BTreeSet<_> = cycles.map(|reading| reading.variant.hash()).collect();
    assert_eq!(hashes.len(), 1);
    let flat = read(&record("org.clearlinux/crash/clr", &frames(&["f", "g"]))).unwrap();
    assert_eq!((flat.variant.is_cycle, flat.variant.kind), (false, Kind::StackOverflow));
}

#[test]
fn the_kernel_that_failed_is_the_payloads() {
    let payload = "Crash Report:\nReason: BUG: kernel NULL pointer dereference, address: 0000000000000010\n\
        Kernel Version : 6.1.0-13-amd64\nBacktrace :\n#0 broken_write.cold - [snd-broken]\n#1 ? __die_body.cold - [kernel]\n";
    let reading = read(&record("org.clearlinux/kernel/bug", payload)).unwrap();
    assert_eq!(reading.kernel_version.as_deref(), Some("6.1.0-13-amd64"));
    assert_eq!(reading.variant.what, "NULL pointer dereference");
    assert_eq!(shown(&reading), ["broken_write [snd_broken]", "? __die_body [kernel]"]);
    let reading = read(&record("org.clearlinux/kernel/panic", "Crash Report:\nReason: x\n")).unwrap();
    assert_eq!(reading.kernel_version.as_deref(), Some("6.1.0-99-amd64"));
    let reading = read(&record("org.clearlinux/mce/thermal", "")).unwrap();
    assert_eq!(reading.kernel_version.as_deref(), Some("6.1.0-99-amd64"));
    assert_eq!(reading.variant.what, "thermal");
}

#[test]
fn a_crash_without_frames_has_its_error() {
    let what = |payload: &str| read(&record("org.clearlinux/crash/error", payload)).unwrap().variant.what;
    assert_eq!(what("Process: a\nSignal: 11\nError: a 32-bit process\n"), "a (number)-bit process");
    assert_eq!(what("Process: a\nSignal: 11\n"), "signal 11, no backtrace");
    assert_eq!(what(""), "no backtrace");
}

#[test]
fn a_unit() {
    let reading =
        read(&record("org.clearlinux/journal/error", "MESSAGE=a@b.service: x, code=exited, status=3/N\n"))
            .unwrap();
    assert_eq!(
        (reading.variant.subject.as_str(), reading.variant.what.as_str()),
        ("a@.service", "exited, 3")
    );
    assert_eq!((reading.kernel_version, reading.package), (None, None));
    assert_eq!(read(&record("org.clearlinux/heartbeat/ping", "hello\n")), Err(Ungrouped::NoFailure));
}

#[test]
fn payloads_that_our_kernel_probe_makes() {
    // Every golden file of the probe is read: each of its records has a kind and says what failed.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../probes/kernel/tests/kernel_log");
    let mut records = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "expected") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for part in text.split("# org.clearlinux/").skip(1) {
            let (head, payload) = part.split_once('\n').unwrap();
            let class = format!("org.clearlinux/{}", head.split(',').next().unwrap());
            let payload = payload.split("\n\n").next().unwrap();
            let reading = read(&record(&class, payload)).unwrap();
            assert!(!reading.variant.what.is_empty() && reading.kernel_version.is_some(), "{path:?} {class}");
            records += 1;
        }
    }
    assert!(records >= 40, "{records}");
}

proptest! {
    #[test]
    fn any_record_is_read(class in "(org.clearlinux/)?(crash|kernel|mce|bert|journal|x)/(clr|error|bug|warning|panic|debug)", payload in any::<String>()) {
        if let Ok(reading) = read(&record(&class, &payload)) {
            prop_assert_eq!(reading.variant.frames.len(), reading.frame_numbers.len());
            prop_assert!(reading.variant.frames.len() <= VARIANT_FRAMES);
        }
    }

    #[test]
    fn any_lines_are_read(lines in prop::collection::vec(prop_oneof![
        "Process: /usr/bin/[a-c]", "Signal: (6|11)", "Cause: SIGSEGV: stack overflow", "Reason: (BUG|WARNING): [a-z ]{0,9}",
        "#[0-9]{1,2} (\\? )?[a-z_<>()]{1,9} - \\[(kernel|[a-z]{1,3})\\]", "#[0-9] \\?\\?\\? - \\[lib[a-c].so\\] \\+0x[0-9a-f]{1,4}",
    ], 0..60), class in prop_oneof![Just("a/crash/clr"), Just("a/kernel/bug")]) {
        let payload = lines.join("\n");
        let reading = read(&record(class, &payload)).unwrap();
        prop_assert_eq!(reading.variant.frames.len(), reading.frame_numbers.len());
    }
}
