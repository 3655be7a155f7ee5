//! A message on telemprobd's socket, as any local user may send it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_record::limits::{HEADER_BLOCK_BYTES, MESSAGE_BYTES, PAYLOAD_BYTES};
use telemetry_record::wire;

fuzz_target!(|bytes: &[u8]| {
    let announced = wire::message_size(bytes);
    if let Ok(Some(size)) = announced {
        assert!(size <= MESSAGE_BYTES, "the daemon would wait for {size} bytes");
    }
    let Ok(message) = wire::decode(bytes) else { return };
    assert_eq!(announced, Ok(Some(bytes.len())));
    assert!(message.payload.len() <= PAYLOAD_BYTES);
    assert!(message.headers.as_str().len() <= HEADER_BLOCK_BYTES);

    let again = wire::encode(message.config.as_deref(), &message.headers, &message.payload).unwrap();
    assert_eq!(wire::decode(&again), Ok(message), "what was decoded must encode to the same meaning");
});
