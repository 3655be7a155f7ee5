//! What each format version requires, and what a good record becomes.

use super::*;
use crate::record::StoredRecord;

fn value_of(field: Field) -> &'static str {
    match field {
        Field::RecordFormatVersion => "4",
        Field::Classification => "org.clearlinux/hello/world",
        Field::Severity => "1",
        Field::MachineId => "66c196ce4222dd761470da5e7e35f6f1",
        Field::CreationTimestamp => "1443573575",
        Field::Arch => "x86_64",
        Field::HostType => "blank|blank|blank",
        Field::Build => "\"2980\"",
        Field::KernelVersion => "4.2.0-120",
        Field::PayloadFormatVersion => "1",
        Field::SystemName => "clear-linux-os",
        Field::BoardName => "board|vendor",
        Field::CpuModel => "Intel(R) Core(TM) i7",
        Field::BiosVersion => "1.0",
        Field::EventId => "0123456789abcdef0123456789abcdef",
    }
}

/// A good record of a version, without `left_out` and with `instead` put instead of the good values.
fn fields(version: &str, left_out: Option<Field>, instead: &[(Field, &str)]) -> Fields {
    let mut fields = Fields::default();
    for field in Field::ALL.into_iter().filter(|field| Some(*field) != left_out) {
        let changed = instead.iter().find(|(changed, _)| *changed == field).map(|(_, value)| *value);
        let value =
            changed.unwrap_or(if field == Field::RecordFormatVersion { version } else { value_of(field) });
        fields.insert(field, value).unwrap();
    }
    fields
}

fn outcome(fields: Fields) -> Result<Record, String> {
    validate(fields, "hello\n".into(), false).map_err(|refusal| refusal.to_string())
}

#[test]
fn each_version_requires_its_headers() {
    let since = |field| match field {
        Field::PayloadFormatVersion | Field::SystemName => 2,
        Field::BoardName | Field::BiosVersion | Field::CpuModel => 3,
        Field::EventId => 4,
        _ => 1,
    };
    for version in 1..=4 {
        for field in Field::ALL {
            let got = outcome(fields(&version.to_string(), Some(field), &[]));
            if since(field) > version {
                assert_eq!(
                    got.unwrap().record_format_version,
                    version,
                    "{field:?} is not required by {version}"
                );
            } else {
                let message = got.expect_err("a required header is missing");
                assert!(message.starts_with(&format!("{} is missing", field.header())), "{message}");
            }
        }
    }
}

#[test]
fn a_good_record_keeps_every_value() {
    let record = outcome(fields("4", None, &[])).unwrap();
    let expected = Record {
        record_format_version: 4,
        severity: 1,
        classification: "org.clearlinux/hello/world".into(),
        machine_id: "66c196ce4222dd761470da5e7e35f6f1".into(),
        captured_secs: 1_443_573_575,
        arch: "x86_64".into(),
        host_type: "blank|blank|blank".into(),
        build: "2980".into(),
        kernel_version: "4.2.0-120".into(),
        payload_format_version: Some(1),
        system_name: Some("clear-linux-os".into()),
        board_name: Some("board|vendor".into()),
        cpu_model: Some("Intel(R) Core(TM) i7".into()),
        bios_version: Some("1.0".into()),
        event_id: Some("0123456789abcdef0123456789abcdef".into()),
        external: false,
        payload: "hello\n".into(),
    };
    assert_eq!(record, expected);
}

#[test]
fn a_wrong_value_is_refused_with_its_name_and_rule() {
    for field in Field::ALL {
        let bad = "\u{1}".repeat(3);
        let message = outcome(fields("4", None, &[(field, &bad)])).expect_err("a control character passed");
        let start = format!("{} is \"\\u{{1}}\\u{{1}}\\u{{1}}\"; allowed: ", field.header());
        assert!(message.starts_with(&start), "{message}");
        assert!(message.ends_with(Rule::for_field(field).allowed), "{message}");
    }
}

#[test]
fn headers_of_later_versions_are_neither_judged_nor_kept() {
    let wrong = "\u{1}";
    for version in 1..=4 {
        for field in Field::ALL.into_iter().filter(|field| field.required_since() > 1) {
            let got = outcome(fields(&version.to_string(), None, &[(field, wrong)]));
            assert_eq!(got.is_ok(), field.required_since() > version, "{version} {field:?}");
        }
    }
    let record = outcome(fields("2", None, &[])).unwrap();
    assert_eq!(record.system_name.as_deref(), Some("clear-linux-os"));
    let json = serde_json::to_value(StoredRecord { id: 1, received_secs: 0, record }).unwrap();
    for name in ["board_name", "cpu_model", "bios_version", "event_id"] {
        assert_eq!(json[name], "N/A", "{name}");
    }
}

#[test]
fn quotes_are_taken_off_before_values_are_judged() {
    let quoted = [(Field::SystemName, "\"clear-linux-os\""), (Field::Build, "\"29\"80")];
    let record = outcome(fields("4", None, &quoted)).unwrap();
    assert_eq!((record.system_name.as_deref(), record.build.as_str()), (Some("clear-linux-os"), "2980"));
    let quoted = [(Field::SystemName, "\"clear-linux-os\""), (Field::Build, "29.80")];
    outcome(fields("4", None, &quoted)).expect_err("the rule of Clear Linux holds for a quoted name too");
}

#[test]
fn the_system_decides_what_a_build_may_be() {
    for (system, build, good) in [
        ("clear-linux-os", "\"2980\"", true),
        ("clear-linux-os", "29.80", false),
        ("debian", "\"12\"", true),
        ("debian", "22.04-beta_1", true),
        ("debian", "12 13", false),
    ] {
        let got = outcome(fields("4", None, &[(Field::SystemName, system), (Field::Build, build)]));
        assert_eq!(got.is_ok(), good, "{system} {build}: {got:?}");
    }
    // Version 1 has no System-Name, so that the one that is there decides nothing.
    assert_eq!(outcome(fields("1", None, &[(Field::Build, "29.80")])).unwrap().build, "29.80");
}

#[test]
fn a_field_given_twice_is_refused() {
    let mut fields = fields("4", None, &[]);
    let refusal = fields.insert(Field::Severity, "2").unwrap_err();
    assert_eq!(refusal, Refusal::Twice { name: "Severity" });
}
