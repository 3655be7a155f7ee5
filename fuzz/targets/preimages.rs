//! A request to forget.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telem_collector::forget::{Preimage, read_request};

fuzz_target!(|bytes: &[u8]| {
    let Ok(preimages) = read_request(bytes) else { return };
    assert!((1..=64).contains(&preimages.len()));
    for preimage in preimages {
        assert_eq!(Preimage::parse(&preimage.to_hex()), Some(preimage));
        assert_eq!((preimage.machine_id().len(), preimage.tombstone().len()), (32, 16));
    }
});
