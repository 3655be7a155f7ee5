//! dpkg's lists.
//!
//! Input: a path, the name of a list, the list, diversions and status, each up to a NUL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_crash::package::dpkg::{self, Owner, Search};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(5, |byte| *byte == 0);
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (path, name, list, diversions, status) = (text(), text(), text(), text(), text());
    let Some(owner) = Owner::of_list(&name) else { return };
    let _ = Search::new(&path, &diversions).is_in(&owner, list.as_bytes());
    if let Some(package) = dpkg::installed(&status, &owner) {
        assert!(package.to_string().len() <= 257);
    }
});
