//! A line of the journal, whose record id names a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_store::delivery_log::DeliveryEntry;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        let Some(entry) = DeliveryEntry::parse(line) else { continue };
        assert!(!entry.record_id.is_empty() && !entry.record_id.contains(['/', '.']), "{entry:?}");
        assert_eq!(DeliveryEntry::parse(&entry.to_string()), Some(entry));
    }
});
