//! Whole payloads: a few to the byte, and what holds for all.

use super::*;
use crate::limits::{FRAMES, PAYLOAD_BYTES};
use proptest::prelude::*;

fn frame(function: &str, module: &str) -> FrameReport {
    FrameReport {
        function: Some(function.to_owned()),
        module: Some(module.to_owned()),
        svma: Some(0x1000),
        location: None,
        inlined: false,
        how: How::Cfi,
    }
}

fn unnamed(module: &str, svma: u64) -> FrameReport {
    FrameReport { function: None, svma: Some(svma), ..frame("", module) }
}

fn thread(tid: i32, frames: Vec<FrameReport>) -> ThreadReport {
    ThreadReport { tid, name: None, frames, end: Some(BacktraceEnd::Outermost) }
}

fn module(name: &str, build_id: Option<&str>, unnamed: &[u64]) -> UsedModule {
    UsedModule {
        name: name.to_owned(),
        build_id: build_id.map(ToOwned::to_owned),
        unnamed: unnamed.to_owned(),
    }
}

fn report(threads: Vec<ThreadReport>) -> CrashReport {
    CrashReport {
        process: "/usr/bin/editor".to_owned(),
        pid: Some(1234),
        signal: Some(11),
        threads,
        ..CrashReport::default()
    }
}

/// What a collector's `^(#\d+ )(.+)( - \[(.*)\](.*))$` takes from a line: number, function, module, free text.
fn parse_frame(line: &str) -> Option<(usize, &str, &str, &str)> {
    let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
    let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    let (head, free) = rest.rsplit_once(']')?;
    let (function, module) = head.rsplit_once(" - [")?;
    (!function.is_empty()).then_some((number, function, module, free))
}

#[test]
fn a_report_with_everything() {
    let mut crashed = vec![
        frame("draw(Window*)", "editor"),
        frame("paint()", "editor"),
        unnamed("libplug.so.1", 0x1234),
        frame("handler()", "editor"),
        frame("__kernel_rt_sigreturn()", "[vdso]"),
        frame("main()", "editor"),
    ];
    crashed[0].location = Some(("window.cpp".to_owned(), 77));
    crashed[0].inlined = true;
    crashed[1].location = Some(("window.cpp".to_owned(), 12));
    crashed[2].how = How::FramePointer;
    crashed[3].how = How::ReturnAddress;
    crashed[5].how = How::SignalFrame;
    let waiting = vec![frame("poll()", "libc.so.6"), unnamed("libplug.so.1", 0x2000)];
    let lost =
        ThreadReport { tid: 1239, name: None, frames: Vec::new(), end: Some(BacktraceEnd::Unreadable) };
    let mut report = report(vec![
        thread(1234, crashed),
        thread(1235, waiting.clone()),
        lost,
        thread(1240, waiting.clone()),
        thread(1241, waiting),
        ThreadReport { tid: 1242, name: None, frames: vec![frame("spin()", "editor")], end: None },
    ]);
    report.cause = Some("SIGSEGV: address not mapped (null page)".to_owned());
    report.remarks = vec!["3 reports of this program were left out before this one.".to_owned()];
    report.threads_left_out = 9;
    report.modules = vec![
        module("editor", Some("0a0b"), &[]),
        module("libc.so.6", None, &[]),
        module("libplug.so.1", Some("5f3c6a7d"), &[0x1234, 0x2000, 0x1234]),
        module("libunused.so", None, &[]),
    ];
    assert_eq!(
        report.payload(),
        "\
Process: /usr/bin/editor
PID: 1234
Signal: 11
Cause: SIGSEGV: address not mapped (null page)
Note: 3 reports of this program were left out before this one.

Backtrace (TID 1234):
#0 draw(Window*) - [editor] - window.cpp:77 (inlined)
#1 paint() - [editor] - window.cpp:12
#2 ??? - [libplug.so.1] +0x1234 (by frame pointer)
#3 handler() - [editor] (by return address)
#4 __kernel_rt_sigreturn() - [vdso]
#5 main() - [editor] (by signal frame)

Backtrace (TID 1235):
#0 poll() - [libc.so.6]
#1 ??? - [libplug.so.1] +0x2000
Also in this place: TIDs 1240, 1241.

Backtrace (TID 1239):
The backtrace ends here: the stack cannot be read further.

Backtrace (TID 1242):
#0 spin() - [editor]
The backtrace ends here: the time for it was over.

Left out: 9 threads.

Modules:
editor 0a0b
libc.so.6 -
libplug.so.1 5f3c6a7d +0x1234 +0x2000
"
    );
}

#[test]
fn a_report_of_nothing() {
    assert_eq!(CrashReport::default().payload(), "Process: unknown\n");
    let mut failed = report(Vec::new());
    failed.error = Some("a 32-bit process".to_owned());
    failed.threads_left_out = 1;
    assert_eq!(
        failed.payload(),
        "Process: /usr/bin/editor\nPID: 1234\nSignal: 11\nError: a 32-bit process\n\nLeft out: 1 thread.\n"
    );
}

#[test]
fn foreign_text_makes_no_line_and_no_part_of_its_own() {
    let mut evil = frame("f\n#9 g() - [h] - [fake]", "m]\n#8 - [n");
    evil.location = Some(("a - [b]\n".to_owned(), 3));
    let mut nameless = unnamed("", 1);
    nameless.function = Some("\u{1b}".to_owned());
    let mut report = report(vec![thread(7, vec![evil, nameless])]);
    report.process = "/x\n\nBacktrace (TID 1):\n#0 y - [z]".to_owned();
    report.cause = Some("#0 y - [z]".to_owned());
    report.remarks = vec!["#0 y - [z]\r".to_owned()];
    report.modules = vec![
        module("m]\n#8 - [n", Some("12 #0 y - [z]"), &[]),
        module("#0 y - [z]", Some("00ff"), &[]),
        module("", None, &[1]),
    ];
    report.threads[0].frames.push(frame("f()", "#0 y - [z]"));
    report.threads[0].frames.push(unnamed("", 1));
    assert_eq!(
        report.payload(),
        "\
Process: /x  Backtrace (TID 1): #0 y - [z]
PID: 1234
Signal: 11
Cause: #0 y - [z]
Note: #0 y - [z]

Backtrace (TID 7):
#0 f #9 g() -[h] -[fake] - [m) #8 - (n] - a - (b):3
#1 ??? - [unknown] +0x1
#2 f() - [#0 y - (z)]
#3 ??? - [unknown] +0x1

Modules:
m)_#8_-_(n -
#0_y_-_(z) 00ff
unknown - +0x1
"
    );
}

#[test]
fn a_thread_is_cut_at_64_lines_and_the_head_says_so() {
    let cut = "Too many frames. Backtrace truncated.\n";
    let deep = |frames| vec![frame("recurse()", "a.out"); frames];
    let whole = report(vec![thread(1, deep(FRAMES))]).payload();
    assert!(!whole.contains(cut) && whole.contains("\n#63 recurse()"), "{whole}");
    let inlined = report(vec![thread(1, deep(FRAMES + 1))]).payload();
    assert!(inlined.contains(cut) && inlined.ends_with("\n#63 recurse() - [a.out]\n"), "{inlined}");
    let whole =
        ThreadReport { tid: 2, name: None, frames: deep(FRAMES), end: Some(BacktraceEnd::TooManyFrames) };
    let whole = report(vec![thread(1, deep(1)), whole]).payload();
    assert!(whole.contains(&format!("Signal: 11\n{cut}\n")) && !whole.contains("ends here"), "{whole}");
}

#[test]
fn the_crashing_thread_is_whole_and_names_pay_for_it() {
    let monster = format!("std::vector<{}>::insert({})", "int, ".repeat(100), "char, ".repeat(100));
    let frames: Vec<_> = (0..64).map(|n| frame(&format!("f{n}::{monster}"), "libmonster.so")).collect();
    let mut report = report(vec![thread(1, frames), thread(2, vec![frame("wait()", "libc.so.6")])]);
    report.modules = vec![module("libmonster.so", None, &[])];
    let text = report.payload();
    assert!(text.contains("\n#63 f63::std::vector<...>::insert(...) - [libmonster.so]\n"), "{text}");
    assert!(text.contains("\nBacktrace (TID 2):\n#0 wait() - [libc.so.6]\n"), "{text}");
    assert!(text.ends_with("\nModules:\nlibmonster.so -\n"), "{text}");
}

#[test]
fn the_longest_head_leaves_room_for_the_crashing_thread() {
    let long = |letter: &str| letter.repeat(5000);
    let mut longest = frame(&long("f"), &long("m"));
    longest.location = Some((long("c"), u32::MAX));
    longest.how = How::ReturnAddress;
    let mut frames = vec![longest; 60];
    frames.extend((0..4).map(|n| unnamed(&format!("{n}{}", long("m")), u64::MAX - n)));
    let ending = thread(i32::MIN, frames);
    let mut report = report(vec![ThreadReport { end: Some(BacktraceEnd::NoWayOn), ..ending }]);
    for n in 0..100 {
        report.threads.push(ThreadReport { tid: i32::MIN, ..report.threads[0].clone() });
        report.remarks.push(long("r"));
        let (name, addresses) =
            (format!("{n}{}", long("m")), (0..100).map(|n| u64::MAX - n).collect::<Vec<_>>());
        report.modules.push(module(&name, Some(&"f".repeat(128)), &addresses));
    }
    (report.process, report.cause, report.error) = (long("p"), Some(long("c")), Some(long("e")));
    report.threads_left_out = usize::MAX;
    let text = report.payload();
    assert!(text.len() <= PAYLOAD_BYTES);
    assert!(text.contains("mm] +0xfffffffffffffffc\nThe backtrace ends here: "), "{text}");
    assert!(text.contains("and 84 more.\n\nLeft out: 18446744073709551615 threads.\n"), "{text}");
    let modules = text.split("\nModules:\n").nth(1).unwrap();
    assert!(modules.starts_with("0m") && modules.lines().all(|line| line.ends_with("f ...")), "{text}");
    assert_eq!(modules.lines().count(), 4, "{text}");
}

#[test]
fn modules_of_unnamed_frames_come_before_other_threads() {
    let stripped: Vec<_> = (0..20).map(|n| unnamed(&format!("libstripped{n}.so"), n)).collect();
    let busy =
        |tid| thread(tid, (0..40).map(|n| frame(&format!("busy_{tid}_{n}()"), "libbusy.so")).collect());
    let mut report = report(std::iter::once(thread(1, stripped)).chain((2..30).map(busy)).collect());
    report.modules = (0..20)
        .map(|n| module(&format!("libstripped{n}.so"), Some("00112233445566778899"), &[n]))
        .chain([module("libbusy.so", Some("ff"), &[])])
        .collect();
    let text = report.payload();
    for n in 0..20 {
        assert!(text.contains(&format!("\nlibstripped{n}.so 00112233445566778899 +{n:#x}\n")), "{text}");
    }
    let shown = (2..30).filter(|tid| text.contains(&format!("\nBacktrace (TID {tid}):\n"))).count();
    assert!((1..28).contains(&shown), "{text}");
    assert!(text.contains(&format!("\nLeft out: {} threads.\n", 28 - shown)), "{text}");
    assert_eq!(text.matches("#39 busy_").count(), shown, "{text}");
}

#[test]
fn a_thread_is_called_by_its_name() {
    let mut named = thread(1, vec![frame("f()", "m")]);
    named.name = Some("render\n#0 x".to_owned());
    let text = report(vec![named]).payload();
    assert!(text.contains("\n\nThread: render #0 x\nBacktrace (TID 1):\n#0 f() - [m]\n"), "{text}");
}

#[test]
fn hundreds_of_threads_in_one_place_are_told_once() {
    let waiting = |tid| thread(tid, vec![frame("wait()", "libc.so.6")]);
    let one = report(vec![waiting(1), waiting(2)]).payload();
    assert!(one.ends_with("#0 wait() - [libc.so.6]\nAlso in this place: TID 2.\n"), "{one}");
    let text = report((1..=200).map(waiting).collect()).payload();
    assert!(
        text.contains("\nAlso in this place: TIDs 2, 3, ") && text.contains(", 17, and 183 more.\n"),
        "{text}"
    );
    assert_eq!(text.matches("Backtrace (TID ").count(), 1);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_:<>, ()\\[\\]#\\- ]{0,30}",
        1 => any::<String>(),
        1 => ("[a-z<>()ü]{1,9}", 0_usize..200).prop_map(|(part, times)| part.repeat(times)),
    ]
}

fn any_frame() -> impl Strategy<Value = FrameReport> {
    let how = prop::sample::select(vec![
        How::Context,
        How::Cfi,
        How::SignalFrame,
        How::FramePointer,
        How::ReturnAddress,
    ]);
    let named =
        (prop::option::of(text()), prop::option::of("[a-c]{0,2}|.{0,9}"), prop::option::of(any::<u64>()));
    (named, prop::option::of((text(), any::<u32>())), any::<bool>(), how).prop_map(
        |((function, module, svma), location, inlined, how)| FrameReport {
            function,
            module,
            svma,
            location,
            inlined,
            how,
        },
    )
}

fn any_thread() -> impl Strategy<Value = ThreadReport> {
    let end = prop::option::of(prop::sample::select(vec![
        BacktraceEnd::Outermost,
        BacktraceEnd::TooManyFrames,
        BacktraceEnd::Unreadable,
        BacktraceEnd::NoProgress,
        BacktraceEnd::NotCode,
        BacktraceEnd::NoWayOn,
    ]));
    (any::<i32>(), prop::collection::vec(any_frame(), 0..70), end)
        .prop_map(|(tid, frames, end)| ThreadReport { tid, name: None, frames, end })
}

fn any_module() -> impl Strategy<Value = UsedModule> {
    (text(), prop::option::of("[0-9a-f]{0,140}|.*"), prop::collection::vec(any::<u64>(), 0..100))
        .prop_map(|(name, build_id, unnamed)| UsedModule { name, build_id, unnamed })
}

fn any_report() -> impl Strategy<Value = CrashReport> {
    let numbers = (prop::option::of(any::<i32>()), prop::option::of(any::<i32>()), 0_usize..1000);
    let head =
        (text(), prop::option::of(text()), prop::option::of(text()), prop::collection::vec(text(), 0..9));
    let parts = (prop::collection::vec(any_thread(), 0..6), prop::collection::vec(any_module(), 0..6));
    (numbers, head, parts).prop_map(|(numbers, head, parts)| {
        let ((pid, signal, threads_left_out), (process, cause, error, remarks)) = (numbers, head);
        let (threads, mut modules) = parts;
        // So that some of them are those of frames.
        let names = threads.iter().flat_map(|thread| &thread.frames).filter_map(|frame| frame.module.clone());
        for (module, name) in modules.iter_mut().zip(names) {
            module.name = name;
        }
        let (is_third_party, program, library) = (false, None, None);
        CrashReport {
            process,
            pid,
            signal,
            cause,
            error,
            remarks,
            threads,
            threads_left_out,
            modules,
            is_third_party,
            program,
            library,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_report_fits_and_has_whole_lines(report in any_report()) {
        let text = report.payload();
        prop_assert!(text.len() <= PAYLOAD_BYTES && text.ends_with('\n'));
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        prop_assert!(text.starts_with("Process: "));
        if let Some(pid) = report.pid {
            prop_assert!(text.contains(&format!("\nPID: {pid}\n")), "head is whole");
        }
        let crashed = report.threads.first();
        if let Some(crashed) = crashed {
            let heading = format!("\n\nBacktrace (TID {}):\n", crashed.tid);
            prop_assert!(text.contains(&heading), "the crashing thread is always there");
            let block = text.split(&heading).nth(1).unwrap();
            let frames = block.lines().take_while(|line| line.starts_with('#')).count();
            prop_assert_eq!(frames, crashed.frames.len().min(FRAMES));
        }
        let (mut expected, mut in_modules) = (0, false);
        for line in text.lines() {
            in_modules |= line == "Modules:";
            if line.starts_with("Backtrace (TID ") {
                expected = 0;
            }
            match parse_frame(line) {
                Some((number, _, module, _)) => {
                    prop_assert!(!in_modules, "a module looks like a frame: {line}");
                    prop_assert_eq!(number, expected);
                    expected += 1;
                    prop_assert!(!module.contains(['[', ']']), "{}", line);
                }
                None => prop_assert!(in_modules || !line.starts_with('#'), "{line}"),
            }
        }
        prop_assert!(telemetry_record::payload::is_text(&text) && text.len() <= PAYLOAD_BYTES);
    }

    #[test]
    fn no_thread_is_lost_without_a_word(threads in prop::collection::vec(any_thread(), 0..40), more in 0_usize..9) {
        let report = CrashReport { threads_left_out: more, ..report(threads) };
        let text = report.payload();
        let shown = text.matches("\nBacktrace (TID ").count();
        let alike: usize = report.threads.len() - alike::alike_threads(&report).len();
        let left_out: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("Left out: ")?.split_once(" thread")?.0.parse().ok())
            .unwrap_or(0);
        prop_assert!(shown + left_out >= report.threads.len() + more - alike);
        prop_assert!(shown + left_out <= report.threads.len() + more);
    }
}
