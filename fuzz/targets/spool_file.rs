//! A file in the spool, left by the C daemons, by a power cut, or by whoever can write there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use telemetry_record::limits::HEADER_BLOCK_BYTES;
use telemetry_store::limits::{RECORDS_PER_FILE, SPOOL_RECORD_BYTES};
use telemetry_store::spool::file;
use telemetry_store::spool::name::{FileName, is_hidden};

fuzz_target!(|bytes: &[u8]| {
    let any_name = OsStr::from_bytes(bytes);
    if let Some(name) = FileName::parse(any_name) {
        assert!(!is_hidden(any_name));
        assert_eq!(FileName::parse(OsStr::new(&name.to_string())), Some(name));
    }

    let name = OsStr::new("aB3xY9");
    let decoded = file::decode(name, bytes);
    assert!(decoded.records.len() <= RECORDS_PER_FILE);
    assert!(!decoded.records.is_empty() || decoded.damage.is_some(), "a file vanished without a word");
    assert_eq!(decoded, file::decode(name, bytes), "ids must be the same at every reading");

    for record in &decoded.records {
        let message = &record.message;
        assert!(message.headers.as_str().len() <= HEADER_BLOCK_BYTES);
        let bytes = file::encode_single(message);
        let single = file::decode(name, &bytes);
        assert_eq!(
            (single.records.first().map(|found| &found.message), single.damage),
            (Some(message), None)
        );
        // What telempostd writes when it keeps the rest of a file; a longer record comes from no daemon.
        if bytes.len() <= SPOOL_RECORD_BYTES {
            let kept = file::decode(name, &file::encode_batch([(record.id, message)]));
            assert_eq!((kept.records.first(), kept.damage), (Some(record), None));
        }
    }
});
