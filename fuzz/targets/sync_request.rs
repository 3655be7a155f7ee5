//! What a fetcher asks of a buffer: a lease, or its confirmation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telem_collector::sync::{ConfirmRequest, LeaseRequest};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(lease) = LeaseRequest::read(bytes) {
        assert!((1..=10_000).contains(&lease.max_records) && (10..=3600).contains(&lease.lease_secs));
        assert!((65_536..=16_777_216).contains(&lease.max_bytes) && lease.fetcher.len() == 32);
        // As it is sent it is read again.
        let again = LeaseRequest::read(serde_json::to_string(&lease).unwrap().as_bytes());
        assert_eq!(again, Ok(lease));
    }
    if let Ok(confirm) = ConfirmRequest::read(bytes) {
        let again = ConfirmRequest::read(confirm.to_json().to_string().as_bytes());
        assert_eq!(again, Ok(confirm));
    }
});
