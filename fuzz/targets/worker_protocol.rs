//! What the crash probe's worker, which reads foreign bytes, says to its broker, which is root.
#![no_main]

use crashprobe::protocol;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = protocol::decode(bytes) {
        let again = protocol::encode(&message).expect("what was taken can be said");
        assert_eq!(protocol::decode(&again), Ok(message));
    }
    if let Some(file) = protocol::decode_answer(bytes) {
        assert_eq!(protocol::encode_answer(Some(file)), bytes);
    }
});
