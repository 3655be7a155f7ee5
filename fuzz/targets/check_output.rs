//! What a plugin printed, and ranges in it.
#![no_main]

use checkprobe::plugin;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let output = plugin::parse(bytes);
    assert!(output.text.len() <= 256 && !output.text.contains(char::is_control));
    for item in &output.items {
        let again = plugin::parse(format!("x | {item}").as_bytes());
        assert_eq!(again.items, std::slice::from_ref(item), "{item}");
        for range in [&item.warning, &item.critical].into_iter().flatten() {
            assert!(range.to_string().parse() == Ok(range.clone()));
            range.alerts(item.value.unwrap_or(f64::NAN));
        }
    }
});
