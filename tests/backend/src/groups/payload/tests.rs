//! Payloads of every client, and those that no client sends.

use super::*;
use proptest::prelude::*;

fn functions<'a>(payload: &Payload<'a>) -> Vec<&'a str> {
    payload.frames.iter().map(|frame| frame.function).collect()
}

#[test]
fn a_crash_report_of_ours() {
    let payload = Payload::parse(
        "\
Process: /usr/bin/editor
PID: 1234
Signal: 11
Cause: SIGSEGV: address not mapped (null page)
Package: editor 1:2.0-3
Library: libplug1 1.4-1
Note: 3 reports of this program were left out before this one.
Note: The time limit was reached.
Thread: worker

Backtrace (TID 1234):
#0 draw(Window*) - [editor] - window.cpp:77 (inlined)
#1 ??? - [libplug.so.1] +0x1234
The backtrace ends here: the stack cannot be read further.
Also in this place: TIDs 1236, 1237, and 7 more.

Backtrace (TID 1235):
#0 poll() - [libc.so.6]
#9 never() - [libc.so.6]

Left out: 120 threads.

Modules:
editor 0a0b5f3c6a7d445d75ba01cc33220d15e9de8d5f
libc.so.6 -
libplug.so.1 5f3c6a7d445d75ba01cc33220d15e9de8d5f3c6a +0x1234
Left out: 2 modules.
",
    );
    assert_eq!(payload.process, Some("/usr/bin/editor"));
    assert_eq!((payload.signal, payload.error), (Some(11), None));
    assert_eq!(payload.cause, Some("SIGSEGV: address not mapped (null page)"));
    assert_eq!(payload.package, Some(("editor", "1:2.0-3")));
    assert_eq!(payload.library, Some(("libplug1", "1.4-1")));
    assert_eq!(payload.notes.len(), 2);
    assert_eq!(functions(&payload), ["draw(Window*)", "???"]);
    let ids: Vec<_> = payload.modules.iter().map(|module| (module.name, module.build_id.is_some())).collect();
    assert_eq!(ids, [("editor", true), ("libc.so.6", false), ("libplug.so.1", true)]);
}

#[test]
fn a_thread_without_frames_is_not_followed_by_another() {
    let text =
        "Process: a\n\nBacktrace (TID 1):\nThe backtrace ends here: x\n\nBacktrace (TID 2):\n#0 f() - [m]\n";
    assert!(Payload::parse(text).frames.is_empty());
    let text = "Process: a\n\nBacktrace (TID 1):\n\nBacktrace (TID 2):\n#0 f() - [m]\n";
    assert!(Payload::parse(text).frames.is_empty());
}

#[test]
fn where_the_first_thread_ends() {
    for (text, expected) in [
        ("#0 a - [m]\n#1 b - [m]", 2),
        ("#0 a - [m]\nRegister RIP: Non-zero\n#1 b - [m]", 2),
        ("#0 a - [m]\n\n#1 b - [m]", 1),
        ("#0 a - [m]\n   \n#1 b - [m]", 1),
        ("#0 a - [m]\n#0 b - [m]\n#1 c - [m]", 1),
        ("#1 a - [m]\n#0 b - [m]\n#2 c - [m]", 1),
        ("#0 a - [m]\nBacktrace (TID 2):\n#1 b - [m]", 1),
        ("#0 a - [m]\nThe backtrace ends here: x\n#1 b - [m]", 1),
        ("#0 a - [m]\nAlso in this place: TID 3.\n#1 b - [m]", 1),
        ("#0 a - [m]\nModules:\n#1 b - [m]", 1),
        ("#0 a - [m]\r\n#1 b - [m]\r\n", 2),
        ("x\n\n#4 a - [m]\n#7 b - [m]", 2),
    ] {
        assert_eq!(Payload::parse(text).frames.len(), expected, "{text}");
    }
}

#[test]
fn a_kernel_report() {
    let payload = Payload::parse(
        "\
Crash Report:
Reason: list_del corruption. prev->next should be (address), but was 0000000000000000. (prev=(address))
Kernel Version : 6.1.0-13-amd64
Tainted : Not tainted
Modules : a b
Backtrace :
Register RIP: Non-zero
#0 __list_del_entry_valid.cold - [kernel]
#1 ? drop_item - [kernel]
invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
Panic: Fatal exception
Message: kernel BUG at lib/list_debug.c:59!
Hardware Error: CPU 2: Machine Check: 0 Bank 8: 8c00004000010090
Note: middle missing
Repeated: 7
",
    );
    assert!(payload.leading().starts_with("list_del corruption."));
    assert_eq!(payload.kernel_version, Some("6.1.0-13-amd64"));
    assert_eq!(functions(&payload), ["__list_del_entry_valid.cold", "? drop_item"]);
    assert_eq!((payload.panic, payload.notes.len()), (Some("Fatal exception"), 1));
    assert_eq!(payload.message, Some("kernel BUG at lib/list_debug.c:59!"));
    assert_eq!(payload.hardware_errors, ["CPU 2: Machine Check: 0 Bank 8: 8c00004000010090"]);
    assert!(payload.modules.is_empty());
}

#[test]
fn what_the_other_clients_send() {
    let bert =
        Payload::parse("BERT: Error records from previous boot:\n[Hardware Error]: event severity: fatal\n");
    assert_eq!(bert.hardware_errors, ["event severity: fatal"]);
    assert_eq!(bert.leading(), "BERT: Error records from previous boot:");
    let journal = Payload::parse("MESSAGE=a.service: exited: x=1\nUNIT=a.service\nREPEATED=3\n");
    assert_eq!((journal.message, journal.unit), (Some("a.service: exited: x=1"), Some("a.service")));
    let old =
        Payload::parse("Process: app\nPID: 1\nSignal: 6\n\nBacktrace (TID 1):\n#0 raise() - [libc.so.6]\n");
    assert_eq!((old.process, old.signal, old.frames.len()), (Some("app"), Some(6), 1));
    assert_eq!(Payload::parse("\n\nCrash from third party\n").first_line, "Crash from third party");
    assert_eq!(Payload::parse(""), Payload::default());
}

#[test]
fn the_first_fact_counts_and_none_comes_from_behind_the_frames() {
    let payload = Payload::parse("Process: a\nProcess: b\nSignal: x\n#0 f - [m]\nSignal: 6\nReason: r\n");
    assert_eq!((payload.process, payload.signal, payload.reason), (Some("a"), None, None));
}

#[test]
fn much_is_cut() {
    let frames: String = (0..5000).map(|number| format!("#{number} f - [m]\n")).collect();
    assert_eq!(Payload::parse(&frames).frames.len(), FRAMES);
    let notes = "Note: x\n[Hardware Error]: y\n".repeat(600) + "Modules:\n" + &"m 0a0b0c0d\n".repeat(600);
    let payload = Payload::parse(&notes);
    assert_eq!((payload.notes.len(), payload.hardware_errors.len(), payload.modules.len()), (256, 256, 256));
    let late = "\n".repeat(PAYLOAD_LINES) + "Process: late\n";
    assert_eq!(Payload::parse(&late).process, None);
    let far = "x".repeat(PAYLOAD_BYTES) + "\nProcess: late\n";
    assert_eq!(Payload::parse(&far).process, None);
    let wide = format!("#0 {} - [m]", "ä".repeat(PAYLOAD_BYTES));
    assert!(Payload::parse(&wide).frames.is_empty());
}

proptest! {
    #[test]
    fn any_text_is_a_payload(text in any::<String>()) {
        let _ = Payload::parse(&text);
    }

    #[test]
    fn lines_in_any_order_keep_the_bounds(lines in prop::collection::vec(
        prop_oneof![
            Just("Process: a"), Just(""), Just("Backtrace (TID 1):"), Just("#0 f - [m]"), Just("#1 ? g - [m]"),
            Just("Modules:"), Just("m 0a0b0c0d"), Just("Hardware Error: x"), Just("Note: y"), Just("#2 ??? - [m] +0x1"),
        ], 0..40)) {
        let text = lines.join("\n");
        let payload = Payload::parse(&text);
        prop_assert!(payload.frames.windows(2).all(|pair| pair[0].number < pair[1].number));
        prop_assert!(payload.frames.len() <= lines.iter().filter(|line| line.starts_with('#')).count());
    }
}
