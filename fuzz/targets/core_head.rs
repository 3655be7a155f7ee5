//! The head of a core, as the kernel pipes it or a person hands it in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_crash::{core, fault, limits};

fuzz_target!(|bytes: &[u8]| {
    let Ok(head) = core::read(&mut &*bytes) else { return };
    assert!(head.threads.len() <= limits::THREADS);
    assert!(head.mappings.len() <= limits::MAPPINGS && head.segments.len() <= limits::SEGMENTS);
    assert!(head.mappings.iter().all(|mapping| mapping.start < mapping.end));
    assert!(head.mappings.iter().all(|mapping| mapping.file < head.files.len()));
    assert!(head.segments.iter().all(|segment| segment.start <= segment.end));
    let _ = fault::cause(&head);
});
