//! A file of a key and its certificate, in PEM, as an administrator may put it there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_trust::{Fingerprint, Identity, der};

fuzz_target!(|bytes: &[u8]| {
    let Ok(identity) = Identity::from_pem(bytes.to_owned()) else { return };
    assert_eq!(identity.pem(), bytes);
    assert!(der::parts(identity.certificate()).is_ok());
    assert_eq!(identity.fingerprint(), Fingerprint::of_der(identity.certificate()));
    assert!(!format!("{identity:?}").contains("PRIVATE"), "the key is never shown");
});
