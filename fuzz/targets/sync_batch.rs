//! What a buffer answers to a lease, as a centre reads it. What is taken is taken whole: cut anywhere, it is none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telem_collector::sync::read_answer;

fuzz_target!(|bytes: &[u8]| {
    if read_answer(bytes, 100).is_ok() {
        for cut in 0..bytes.len() {
            assert!(read_answer(&bytes[..cut], 100).is_err());
        }
    }
});
