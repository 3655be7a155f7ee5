//! A record on its way to its group: its class in the first line, and its payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use telem_collector::groups::bounds::condensed;
use telem_collector::groups::explain::explain_record;
use telem_collector::groups::guilty::{Blacklist, guilty};
use telem_collector::groups::reading::{Address, Record, Token, Variant, read, read_with, unnamed};
use telem_collector::groups::rules::Rules;
use telem_collector::groups::signature::decide;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::shipped().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (classification, payload) = text.split_once('\n').unwrap_or((&text, ""));
    let _ = guilty(payload, &Blacklist::new());
    let record =
        Record { classification, payload, system_name: "debian", build: "12", kernel_version: "6.1" };
    let Ok(reading) = read(&record) else { return };
    let variant = &reading.variant;
    assert!(variant.frames.len() <= 32 && reading.frame_numbers.len() == variant.frames.len());
    let stored: Variant = serde_json::from_str(&serde_json::to_string(variant).unwrap()).unwrap();
    assert_eq!(stored.hash(), variant.hash());
    let verdict = decide(&RULES, variant);
    assert_eq!(decide(&RULES, &stored), verdict);
    let name = &verdict.signature.name;
    assert!(name.chars().count() <= 255 && !name.contains(char::is_control), "{name:?}");
    let condensed = decide(&RULES, &condensed(&RULES, variant, &verdict)).signature;
    assert!(condensed == verdict.signature || condensed.name.ends_with(": many different"), "{condensed:?}");
    named(&record, variant);
    let explained = explain_record(&RULES, payload, &reading, &verdict);
    assert!(explained.iter().filter(|frame| frame.in_name).count() <= 6, "{explained:?}");
});

/// With names from debug files: of a record, and of a variant that stands for many.
fn named(record: &Record<'_>, variant: &Variant) {
    let names = |address: &Address| vec![format!("f{}", address.offset % 5), "outer".to_owned()];
    let addresses = unnamed(record.payload);
    let reading = read_with(record, &names).unwrap();
    assert!(
        reading.variant.frames.len() <= 32 && reading.frame_numbers.len() == reading.variant.frames.len()
    );
    let looked_up = reading.variant.frames.iter().filter(|token| token.is_looked_up).count();
    assert!(looked_up == 0 || !addresses.is_empty());
    let of_token = |token: &Token| {
        let address = addresses.iter().find(|address| token.is_at(address));
        address.map(names).unwrap_or_default()
    };
    assert!(variant.with_names(&of_token).frames.len() <= 32);
}
