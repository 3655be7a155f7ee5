//! Dumps of pstore: their names, and what is in them. A file each, with its name in the first line, until a byte 0x1e.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_kernel::log::Privacy;
use telemetry_kernel::pstore::{Dump, Name, crashes};

fuzz_target!(|bytes: &[u8]| {
    let mut dumps = Vec::new();
    for (file, secs) in bytes.split(|byte| *byte == 0x1e).zip(1_522_672_881..) {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let label = String::from_utf8_lossy(&file[..end]);
        let Some(name) = Name::parse(&label) else { continue };
        let dump = Dump::read(&label, &name, secs, file.get(end + 1..).unwrap_or_default());
        // A byte that is no UTF-8 becomes three.
        assert!(dump.text_bytes() <= 3 * telemetry_kernel::pstore::DUMP_BYTES);
        dumps.push(dump);
    }
    let count = dumps.len();
    let crashes = crashes(dumps);
    assert_eq!(crashes.iter().map(|crash| crash.dumps().len()).sum::<usize>(), count);
    for crash in crashes {
        let notes = crash.notes();
        assert!(notes.iter().map(String::len).sum::<usize>() < 2048, "{notes:?}");
        crash.each_oops(|oops| assert!(oops.payload(Privacy::Filtered, &notes).len() <= 8192));
    }
});
