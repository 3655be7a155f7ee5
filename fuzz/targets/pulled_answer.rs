//! What a machine answers that is pulled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telem_collector::samples::{limits, pulled};

fuzz_target!(|bytes: &[u8]| {
    match pulled::parse(bytes) {
        Ok(answer) => {
            assert!(answer.reading.points.len() <= limits::MACHINE_SERIES);
            assert!(answer.reading.points.iter().all(|point| point.value.is_finite()));
            let checks = answer.checks.unwrap_or_default();
            assert!(checks.len() <= limits::MACHINE_CHECKS);
            let words = [answer.server, answer.client_version, answer.operating_system];
            assert!(!words.iter().flatten().any(|word| word.contains(char::is_control)));
        }
        Err(reason) => assert!(!reason.contains(char::is_control) && reason.chars().count() <= 200),
    }
});
