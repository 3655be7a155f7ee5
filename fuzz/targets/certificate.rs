//! A certificate in DER, as any peer may show it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_trust::{Fingerprint, KeyPin, Next, der};

fuzz_target!(|bytes: &[u8]| {
    let parts = der::parts(bytes);
    assert_eq!(KeyPin::of_certificate(bytes).is_ok(), parts.is_ok());
    let Ok(parts) = parts else { return };
    let info = parts.subject_public_key_info;
    assert!(info.len() < bytes.len() && bytes.windows(info.len()).any(|window| window == info));
    assert!(parts.key.len() + parts.key_algorithm.len() < info.len());
    for time in [&parts.not_before, &parts.not_after] {
        assert!(time.len() == 14 && time.bytes().all(|byte| byte.is_ascii_digit()), "{time:?}");
    }
    assert_eq!(Next::of_certificate(bytes).unwrap().fingerprint, Fingerprint::of_der(bytes));
    assert!(der::parts(&bytes[..bytes.len() - 1]).is_err(), "one that is cut short is none");
});
