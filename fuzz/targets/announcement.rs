//! What a peer says of its certificates at `/v3/identity`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_trust::Announcement;
use telemetry_trust::limits::ANNOUNCEMENT_BYTES;

fuzz_target!(|bytes: &[u8]| {
    let Ok(announcement) = Announcement::parse(bytes) else { return };
    assert!(bytes.len() as u64 <= ANNOUNCEMENT_BYTES);
    assert!(announcement.next.is_none_or(|next| next.fingerprint != announcement.fingerprint));
    let again = Announcement::parse(announcement.to_json().as_bytes()).unwrap();
    assert_eq!(again, announcement);
});
