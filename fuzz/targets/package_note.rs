//! The note in which an ELF file says what package it is of, and what rpm answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_crash::package::{Package, note};

fuzz_target!(|bytes: &[u8]| {
    let of_rpm = std::str::from_utf8(bytes).ok().and_then(Package::parse);
    for package in [note::parse(bytes), of_rpm].into_iter().flatten() {
        let text = package.to_string();
        assert!(
            text.len() <= 257 && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '),
            "{text}"
        );
        assert_eq!(Package::parse(&text), Some(package));
    }
});
