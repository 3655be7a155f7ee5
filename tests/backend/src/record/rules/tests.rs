//! Every rule with values that it takes and values that it refuses.

use super::*;

fn check(field: Field, good: &[&str], bad: &[&str]) {
    let rule = Rule::for_field(field);
    for value in good {
        assert!((rule.holds)(value), "{field:?} must take {value:?}");
    }
    for value in bad {
        assert!(!(rule.holds)(value), "{field:?} must refuse {value:?}");
    }
}

#[test]
fn numbers() {
    let not_one_to_four = ["", "0", "5", "-1", "01", "+1", "1.0", "one", "1 "];
    check(Field::RecordFormatVersion, &["1", "2", "3", "4"], &not_one_to_four);
    check(Field::Severity, &["1", "2", "3", "4"], &not_one_to_four);
    check(
        Field::CreationTimestamp,
        &["0", "1443573575", "253402207200"],
        &["", "-1", "+1", "1.5", "now", "253402207201", "99999999999999999999"],
    );
    check(
        Field::PayloadFormatVersion,
        &["0", "1", "2147483646"],
        &["", "-1", "+1", "2147483647", "4294967296", "99999999999999999999", "v1"],
    );
}

#[test]
fn classification() {
    let part = "p".repeat(40);
    let longest = format!("{part}/{part}/{part}");
    check(
        Field::Classification,
        &["org.clearlinux/hello/world", "a/b/c", &longest],
        &[
            "",
            "a",
            "a/b",
            "a/b/c/d",
            "a//c",
            "/b/c",
            "a/b/",
            "a b/c/d",
            "a/b/c\t",
            "é/b/c",
            "//",
            &format!("{part}p/b/c"),
        ],
    );
}

#[test]
fn machine() {
    check(
        Field::MachineId,
        &["", "0", "66c196ce4222dd761470da5e7e35f6f1", &"é".repeat(32)],
        &[&"f".repeat(33), "a\tb"],
    );
    check(Field::Arch, &ARCHES, &["", "X86_64", "x86", "mips", "x86_64,x86_64"]);
    for arch in ARCHES {
        assert!(Rule::for_field(Field::Arch).allowed.contains(arch), "{arch}");
    }
    check(
        Field::HostType,
        &["blank|blank|blank", "", &"h".repeat(249)],
        &[&"h".repeat(250), "a\u{1}b", "a\tb"],
    );
    for field in [Field::BoardName, Field::CpuModel, Field::BiosVersion] {
        check(
            field,
            &["Intel® Core™ i7", "blank", "", &"b".repeat(199)],
            &[&"b".repeat(200), "a\u{7f}b", "a\nb"],
        );
    }
}

#[test]
fn system() {
    check(
        Field::Build,
        &["2980", "\"12\"", "'12'", "22.04_beta-1", "1\"2", &"1".repeat(249)],
        &["", "\"\"", "12 13", "12/13", "é", &"1".repeat(250)],
    );
    check(Field::SystemName, &["clear-linux-os", "debian_server", ""], &[&"s".repeat(250), "a\tb"]);
    check(
        Field::KernelVersion,
        &["4.2.0-120", "3.16.generic", "6.1.0-18-amd64", "5.15.90.1-microsoft-standard-WSL2"],
        &[
            "",
            "4",
            "4.2",
            "4.2.",
            "v4.2.0",
            "4.x.0",
            ".2.0",
            "4..0",
            "4.2.\u{1}",
            &format!("4.2.{}", "0".repeat(246)),
        ],
    );
    check(
        Field::EventId,
        &["0123456789abcdef0123456789abcdef"],
        &[
            "",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "g123456789abcdef0123456789abcdef",
        ],
    );
}

#[test]
fn a_clear_linux_build_is_digits() {
    for (value, good) in
        [("2980", true), ("\"2980\"", true), ("29.80", false), ("rolling", false), ("", false)]
    {
        assert_eq!((Rule::CLEAR_LINUX_BUILD.holds)(value), good, "{value:?}");
    }
}
