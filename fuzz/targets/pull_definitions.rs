//! The file of the collector's --config: its sections, and the machines that are asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telem_collector::pull::definition::{Definition, MAX_MACHINES, definitions};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines = text.lines().count();
    match definitions(text) {
        Ok(all) => {
            assert!(all.len() <= MAX_MACHINES);
            assert!(all.windows(2).all(|pair| pair[0].name < pair[1].name));
            assert!(all.iter().all(|Definition { line, .. }| (1..=lines).contains(line)));
        }
        Err(fault) => assert!((1..=lines).contains(&fault.line), "{fault}"),
    }
});
