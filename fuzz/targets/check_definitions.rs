//! A file of definitions of checks.
#![no_main]

use checkprobe::definition::{CHECKS, File, is_name, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = File { name: "f.conf".to_owned(), text: String::from_utf8_lossy(bytes).into_owned() };
    let lines = file.text.lines().count();
    let (definitions, faults) = parse(&[file]);
    assert!(definitions.len() <= CHECKS);
    for definition in &definitions {
        assert!(is_name(&definition.name));
        assert!(
            definition.depends.iter().all(|parent| definitions.iter().any(|other| other.name == *parent))
        );
    }
    assert!(faults.iter().all(|fault| (1..=lines).contains(&fault.line)), "{faults:?}");
});
