use super::*;
use crate::log::{Caller, LogError};
use proptest::prelude::*;

type Read = (String, Option<u64>, Option<Caller>, bool);

/// What a log says: texts, stamps, callers, whether a line may be a program's, and what is wrong with the log.
fn read(log: &str) -> (Vec<Read>, Option<LogError>) {
    let mut reader = Reader::default();
    let mut found = Vec::new();
    let mut take = |line: &Line<'_>| {
        found.push((line.text.to_owned(), line.stamp_us, line.caller, line.is_doubtful));
    };
    for line in log.split_inclusive('\n') {
        reader.push(line.as_bytes(), line.len(), &mut take);
    }
    let fault = reader.finish(&mut take).err();
    (found, fault)
}

fn texts(log: &str) -> Vec<String> {
    read(log).0.into_iter().map(|line| line.0).collect()
}

const TEXT: &str = "WARNING: at a.c:1 fn+0x1/0x2()";

#[test]
fn every_row_is_read() {
    for form in &FORMS {
        let (lines, fault) = read(form.test);
        assert_eq!(lines.iter().map(|line| line.0.as_str()).collect::<Vec<_>>(), [TEXT], "{}", form.name);
        assert_eq!(fault, None, "{}", form.name);
        assert!(!lines[0].3, "{}", form.name);
        // Three of a kind are read by the form, and a line ends as consoles end it.
        if let How::Line(read) = form.how {
            assert!(read(form.test).is_some(), "{}", form.name);
            assert_eq!(texts(&format!("{}\r\n", form.test).repeat(3)), [TEXT; 3], "{}", form.name);
        }
    }
}

#[test]
fn stamps_and_callers_are_read() {
    let us = Some(12_345_678);
    for (log, stamp, caller) in [
        ("[   12.345678] x: y", us, None),
        ("[   12.345678][  T123] x: y", us, Some(Caller::Task(123))),
        ("[   12.345678] [   T1234] x: y", us, Some(Caller::Task(1234))),
        ("<4>[   12.345678][    C1] x: y", us, Some(Caller::Processor(1))),
        ("<4>[  T900] x: y", None, Some(Caller::Task(900))),
        ("4,1,12345678,-,caller=C3;x: y", us, Some(Caller::Processor(3))),
        ("6.1.0,4,1,12345678,-;x: y", us, None),
        ("Nov  1 12:00:00 host kernel: [   12.345678] x: y", us, None),
        ("[   12.345678] host kernel: x: y", us, None),
        ("12.345678 host kernel: x: y", us, None),
        ("kern  :warn  : [Sat Nov  1 12:00:00 2025] x: y", None, None),
        ("<4>2025-11-01T12:00:00Z host kernel: [   12.345678] x: y", us, None),
        ("2025-11-01T12:00:00.123456+01:00 192.0.2.2 [   12.345678] x: y", us, None),
        ("11-01 12:00:00.123     0     0 W kernel  : [   12.345678] x: y", us, None),
        ("[   12.345678]  [3:  kworker/u16:1:  123] x: y", us, Some(Caller::Task(123))),
        ("<4>[   12.345678] -(0)[123:swapper/0]x: y", us, Some(Caller::Task(123))),
        ("[   12.345678] c3    123 x: y", us, Some(Caller::Task(123))),
    ] {
        assert_eq!(read(log).0, [("x: y".to_owned(), stamp, caller, false)], "{log}");
    }
}

#[test]
fn a_machine_whose_lines_come_by_the_network_may_have_an_address_alone() {
    for date in ["2025-11-01T12:00:00.123456+01:00", "Nov  1 12:00:00"] {
        let log = format!(
            "{date} 192.0.2.2 BUG: a\n{date} 2001:db8::2 watchdog: b\n{date} 192.0.2.2  fn+0x1/0x2\n"
        );
        assert_eq!(texts(&log), ["BUG: a", "watchdog: b", " fn+0x1/0x2"], "{date}");
    }
}

#[test]
fn minutes_and_differences_are_summed() {
    let (lines, _) = read("[Nov 1 12:00] a: b\n[  +0.000010] c: d\n[  +1.000000] e: f\n");
    let stamps: Vec<_> = lines.iter().map(|line| line.1.unwrap()).collect();
    assert_eq!((stamps[1] - stamps[0], stamps[2] - stamps[1]), (10, 1_000_000));
}

#[test]
fn what_a_program_wrote_is_no_line_of_the_kernel() {
    for log in [
        "<12>[   12.345678] BUG: x",
        "Apr  2 17:48:01 host prog[12]: BUG: x",
        "2018-04-02T17:48:01.1+00:00 host prog[12]: BUG: x",
        "user  :warn  : [   12.345678] BUG: x",
        "<30>1 2025-11-01T12:00:00Z host prog 12 - - BUG: x",
        "Sat Nov  1 12:00:00 2025 daemon.info prog[12]: BUG: x",
        "12,1,2,-;BUG: x",
        "<12>2025-11-01T12:00:00Z host prog[12]: BUG: x",
        "11-01 12:00:00.123  1234  1235 E prog    : BUG: x",
        "[   12.345678] host prog[12]: BUG: x",
    ] {
        assert_eq!(read(log), (vec![], None), "{log}");
    }
}

#[test]
fn a_line_of_another_form_may_be_a_programs() {
    let (lines, fault) = read("[   12.345678] a: b\nBUG: printed by a program\n[   12.345679] c: d\n");
    assert_eq!(lines.iter().map(|line| line.3).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(fault, None);
}

#[test]
fn colours_quotes_and_indents_are_taken_off() {
    assert_eq!(texts("\u{1b}[32m[   12.345678] \u{1b}[0m\u{1b}[33ma: \u{1b}[0mb\u{1b}[0m"), ["a: b"]);
    assert_eq!(texts("> > [   12.345678] a: b"), ["a: b"]);
    assert_eq!(texts("        [   12.345678]  fn+0x1/0x2"), [" fn+0x1/0x2"]);
    assert_eq!(texts("> BUG: x\n>  fn+0x1/0x2\n"), ["BUG: x", " fn+0x1/0x2"]);
    assert_eq!(
        texts("    general protection fault: 0000 [#1]\n     fn+0x1/0x2\n"),
        ["general protection fault: 0000 [#1]", " fn+0x1/0x2"]
    );
    assert_eq!(texts("<4> BUG: x\n<4>  fn+0x1/0x2\n"), ["BUG: x", " fn+0x1/0x2"]);
}

#[test]
fn fragments_are_joined() {
    let log = "6,9,1,-,ncfrag=0/10;abcde\n6,9,1,-,ncfrag=5/10;fghij\n6,10,2,-;k: l\n";
    assert_eq!(texts(log), ["abcdefghij", "k: l"]);
    // One that does not come.
    assert_eq!(
        texts("6,9,1,-,ncfrag=0/10;abcde\n6,10,2,-,ncfrag=0/4;klmn\n6,11,3,-,ncfrag=0/9;xy\n"),
        ["klmn", "abcde", "xy"]
    );
}

#[test]
fn a_log_of_no_known_form_is_named() {
    assert_eq!(read("").1, Some(LogError::Empty));
    assert_eq!(read("root:x:0:0:root:/root:/bin/bash\nbin:x:1:1\n").1, Some(LogError::UnknownForm));
    let csv = "time;host;text\n1;a;fine\n2;a;BUG: unable to handle page fault for address: 0\n";
    assert_eq!(read(csv).1, Some(LogError::UnknownLine(3)));
    assert_eq!(read("usb 1-1: new device\nLinux version 6.1.0\n").1, None);
    let prefixed = "[    1.000000] a: b\nnode7/console/BUG: unable to handle page fault\n";
    assert_eq!(read(prefixed).1, Some(LogError::UnknownLine(2)));
    let of_docker =
        "{\"log\":\"[    1.000000] BUG: unable to handle page fault\\n\",\"stream\":\"stdout\"}\n";
    assert_eq!(read(of_docker).1, Some(LogError::UnknownLine(1)));
    for stamp in ["Nov 27 10:00:00 ", "2025-11-27T10:00:00.000000+00:00 ", "[   12.345678] ", ""] {
        let of_a_host =
            "HOST a: b\nHOST BUG: unable to handle page fault for address: 0\nHOST Oops: 0000 [#1]\n"
                .replace("HOST", &format!("{stamp}host"));
        assert_eq!(read(&of_a_host).1, Some(LogError::UnknownLine(2)), "{of_a_host}");
    }
    let of_program = "[    1.000000] a: b\nsyslogger[3]: saw BUG: unable to handle page fault\n";
    assert_eq!(read(of_program).1, None);
}

#[test]
fn a_long_log_is_read_by_the_form_that_most_lines_have() {
    let log = "-- Boot --\n".to_owned() + &"Nov 01 12:00:00 host kernel: a: b\n".repeat(5000);
    let (lines, fault) = read(&log);
    assert_eq!((lines.iter().filter(|line| line.0 == "a: b").count(), fault), (5000, None));
}

proptest! {
    #[test]
    fn anything_is_read(log in "[\\[\\]<>0-9a-zA-Z .:,;=/{}\"\\n\u{1b}é-]{0,300}") {
        let (lines, _) = read(&log);
        prop_assert!(lines.iter().all(|line| !line.0.contains('\n')));
    }

    #[test]
    fn any_line_is_read(line in "\\PC{0,80}") {
        if let Some(read) = read_line(&line, 0) {
            prop_assert!(read.text.len() <= line.len());
        }
    }
}
