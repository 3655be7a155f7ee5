//! The journal's columns, to the byte, and its filters.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use test_harness::{Printed, Sandbox, programs};

const RECORD: [&str; 3] = [
    "2dd22a0b42c9c6ca5ab7e2a3cdd3f6d1",
    "c4f4a4e0a8e5b1d5c6f5d0c9b8a7f6e5",
    "0123456789abcdef0123456789abcdef",
];
const EVENT: [&str; 2] = ["5de9de8d5f3c6a7d445d75ba01cc3322", "6ee9de8d5f3c6a7d445d75ba01cc3322"];
const BOOT: [&str; 2] = ["60c014cd-4693-40f1-b334-548cd932949b", "70c014cd-4693-40f1-b334-548cd932949b"];

const FIRST: &str = "org.clearlinux/hello/world     Mon 2018-04-02 17:48:01 UTC \
    2dd22a0b42c9c6ca5ab7e2a3cdd3f6d1 5de9de8d5f3c6a7d445d75ba01cc3322 60c014cd-4693-40f1-b334-548cd932949b\n";
const SECOND: &str = "org.clearlinux/heartbeat/ping  Mon 2018-04-02 17:49:01 UTC \
    c4f4a4e0a8e5b1d5c6f5d0c9b8a7f6e5 6ee9de8d5f3c6a7d445d75ba01cc3322 70c014cd-4693-40f1-b334-548cd932949b\n";
const THIRD: &str = "org.example/a-rather-long-classification/x Sun 2018-12-02 17:50:01 UTC \
    0123456789abcdef0123456789abcdef 5de9de8d5f3c6a7d445d75ba01cc3322 70c014cd-4693-40f1-b334-548cd932949b\n";
const COLUMNS: &str = "Classification                 Time stamp                  \
    Record ID                        Event ID                         \
    Boot ID                             \n";

fn instance() -> Sandbox {
    let instance = Sandbox::bare("");
    let line = |fields: [&str; 5]| fields.join("\u{1e}") + "\n";
    let text = [
        line([RECORD[0], "1522691281", "org.clearlinux/hello/world", EVENT[0], BOOT[0]]),
        line([RECORD[1], "1522691341", "org.clearlinux/heartbeat/ping", EVENT[1], BOOT[1]]),
        "a line that is no entry\n".to_owned(),
        line([RECORD[2], "1543773001", "org.example/a-rather-long-classification/x", EVENT[0], BOOT[1]]),
    ];
    instance.write("log/journal", &text.concat());
    instance
}

#[test]
fn lines_stand_in_their_columns() {
    let said = instance().say(&["journal"]);
    assert_eq!(said, Printed { code: Some(0), out: [FIRST, SECOND, THIRD].concat(), err: String::new() });
}

#[test]
fn verbose_names_the_columns_and_counts_what_is_shown() {
    let all = [COLUMNS, FIRST, SECOND, THIRD, "Total records: 3\n"].concat();
    assert_eq!(instance().say(&["journal", "-V"]).out, all);
    let some = [COLUMNS, SECOND, "Total records: 1\n"].concat();
    assert_eq!(instance().say(&["journal", "--verbose", "-r", RECORD[1]]).out, some);
    let none = [COLUMNS, "Total records: 0\n"].concat();
    assert_eq!(
        Sandbox::bare("").say(&["journal", "-V"]),
        Printed { code: Some(0), out: none, err: String::new() }
    );
}

#[test]
fn times_are_local() {
    let instance = instance();
    for (zone, times) in [
        ("CET-1CEST,M3.5.0,M10.5.0/3", ["Mon 2018-04-02 19:48:01 CEST", "Sun 2018-12-02 18:50:01 CET"]),
        ("EST5EDT,M3.2.0,M11.1.0", ["Mon 2018-04-02 13:48:01 EDT", "Sun 2018-12-02 12:50:01 EST"]),
        ("no such zone", ["Mon 2018-04-02 17:48:01 UTC", "Sun 2018-12-02 17:50:01 UTC"]),
    ] {
        let said = Printed::from_command(instance.telemctl(&["journal"]).env("TZ", zone));
        let [first, third] = times;
        assert!(said.out.contains(&format!("world     {first} {}", RECORD[0])), "{zone}: {}", said.out);
        assert!(said.out.contains(&format!("/x {third} {}", RECORD[2])), "{zone}: {}", said.out);
    }
}

#[test]
fn filters_alone_and_together() {
    let instance = instance();
    for (arguments, expected) in [
        (&["-r", RECORD[0]][..], &[FIRST][..]),
        (&["--record_id", RECORD[2]], &[THIRD]),
        (&["-e", EVENT[0]], &[FIRST, THIRD]),
        (&["--event_id", EVENT[1]], &[SECOND]),
        (&["-c", "org.clearlinux/hello/world"], &[FIRST]),
        (&["-c", "org.clearlinux/*"], &[FIRST, SECOND]),
        (&["--classification", "org.clearlinux/heartbeat/*"], &[SECOND]),
        (&["-c", "org.clearlinux"], &[]),
        (&["-b", BOOT[1]], &[SECOND, THIRD]),
        (&["--boot_id", BOOT[0]], &[FIRST]),
        (&["-e", EVENT[0], "-b", BOOT[1]], &[THIRD]),
        (&["-c", "org.clearlinux/*", "-b", BOOT[1], "-e", EVENT[1], "-r", RECORD[1]], &[SECOND]),
        (&["-c", "org.clearlinux/*", "-e", EVENT[0], "-b", BOOT[1]], &[]),
    ] {
        let mut line = vec!["journal"];
        line.extend(arguments);
        let said = instance.say(&line);
        assert_eq!((said.code, said.out), (Some(0), expected.concat()), "{arguments:?}");
    }
}

#[test]
fn kept_payloads_stand_under_their_lines_and_can_not_drive_the_terminal() {
    let instance = instance();
    instance.write(&format!("log/records/{}", RECORD[0]), "hello\n\n");
    instance.write(&format!("log/records/{}", RECORD[2]), "a\tb\u{1b}]0;owned\u{7}\r\nc\n");
    let payload = "a\tb\\u{1b}]0;owned\\u{7}\\u{d}\nc\n";
    let expected = [FIRST, "hello\n", SECOND, THIRD, payload].concat();
    assert_eq!(instance.say(&["journal", "-i"]).out, expected);
    assert_eq!(instance.say(&["journal", "--include_record"]).out, expected);
}

#[test]
fn telem_journal_is_the_same() {
    let instance = instance();
    let config = instance.config();
    let arguments = ["-V", "-i", "-c", "org.clearlinux/*", "-f", config.to_str().unwrap()];
    let mut line = vec!["journal"];
    line.extend(arguments);
    assert_eq!(
        Printed::from_command(&mut programs::command("telem_journal", &arguments)),
        instance.say(&line)
    );
    assert_eq!(Printed::from_command(&mut programs::command("telem_journal", &["-x"])).code, Some(2));
    let version = Printed::from_command(&mut programs::command("telem_journal", &["--version"]));
    assert_eq!(version.out, format!("telem_journal {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_silently() {
    let instance = Sandbox::bare("");
    let line = [RECORD[0], "1522691281", "a/b/c", EVENT[0], BOOT[0]].join("\u{1e}") + "\n";
    // More than a pipe holds, so that it is still writing when the reader goes.
    instance.write("log/journal", &line.repeat(5_000));
    let mut child =
        instance.telemctl(&["journal"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("a/b/c "));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error() {
    let instance = Sandbox::bare("");
    std::fs::create_dir_all(instance.path("log/journal")).unwrap();
    let said = instance.say(&["journal"]);
    let begin = format!("telemctl: {} cannot be read: ", instance.path("log/journal").display());
    assert!(said.code == Some(1) && said.err.starts_with(&begin), "{said:?}");
}

#[test]
fn a_filter_that_nothing_fits_says_so_on_standard_error() {
    let instance = instance();
    for (arguments, expected) in [
        (
            &["-c", "org.example/a"][..],
            "none of the 3 records fits --classification org.example/a; `org.example/a/*` means",
        ),
        (&["-r", "2dd2"], "none of the 3 records fits --record_id 2dd2; an id has 32 hexadecimal digits"),
        (&["-b", "\u{202e}x", "-V"], "none of the 3 records fits --boot_id \\u{202e}x; `--all` lists"),
    ] {
        let said = instance.say(&[&["journal"], arguments].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.err.starts_with(&format!("telemctl: {expected}")), "{said:?}");
        assert!(said.out.lines().all(|line| arguments.contains(&"-V") && !line.contains("Mon")), "{said:?}");
    }
    let said = Sandbox::bare("").say(&["journal", "-c", "a/*"]);
    assert!(said.out.is_empty() && said.err.contains("no record has left this machine yet"), "{said:?}");
    let said = instance.say(&["journal", "-i"]);
    assert!(said.err.contains("no payload of these 3 records is kept"), "{said:?}");
}
