//! An entry of the journal, which any program may have written: lines of NAME=VALUE.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry::Record;
use telemetry_journal::entry::Entry;
use telemetry_journal::failure::Failure;
use telemetry_outbox::Finding;

fuzz_target!(|bytes: &[u8]| {
    let field = |name: &str| {
        let mut values =
            bytes.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(name.as_bytes()));
        let value = values.find_map(|rest| rest.strip_prefix(b"="))?;
        // A value may have several lines.
        Some(value.iter().map(|byte| if *byte == b'\\' { b'\n' } else { *byte }).collect())
    };
    let Some(failure) = Failure::from_entry(&Entry::read("s=1".into(), 1, field)) else { return };
    for count in [1, 2, u64::MAX] {
        let unsent = failure.record(count);
        let lines: Vec<_> = unsent.payload.lines().collect();
        assert!(lines[0].starts_with("MESSAGE=") && unsent.payload.ends_with('\n'));
        let mut rest = &lines[1..];
        if rest.first().is_some_and(|line| line.starts_with("UNIT=")) {
            rest = &rest[1..];
        }
        match count {
            1 => assert!(rest.is_empty(), "{lines:?}"),
            count => assert_eq!(rest, [format!("REPEATED={count}")]),
        }
        let mut record = Record::new(unsent.severity, &unsent.class, 1).expect("the class is good");
        record.set_payload(&unsent.payload).expect("no control characters");
        assert_eq!(record.payload(), Some(unsent.payload.as_str()), "nothing was cut");
    }
    assert!(!failure.key().is_empty());
});
