//! A log in any form: its form is found, its lines are read by it or by others, fragments and entries are put together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_kernel::log::{LINE_BYTES, Line, LogError, Privacy, Reader, Scanner};

fuzz_target!(|bytes: &[u8]| {
    let (mut reader, mut scanner, mut found) = (Reader::default(), Scanner::default(), Vec::new());
    let (mut lines, mut last) = (0_u64, 0);
    let mut take = |line: &Line<'_>| {
        assert!(!line.text.contains('\n'));
        assert!(line.sequence >= last || line.sequence > 0);
        last = line.sequence;
        scanner.push(line, &mut found);
    };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        lines += 1;
        reader.push(line.get(..LINE_BYTES).unwrap_or(line), line.len(), &mut take);
    }
    match reader.finish(&mut take) {
        Err(LogError::UnknownLine(line)) => assert!((1..=lines).contains(&line)),
        Err(LogError::Empty) => assert_eq!(lines, 0),
        Err(LogError::UnknownForm) | Ok(()) => {}
    }
    scanner.finish(&mut found);
    for oops in found {
        assert!(oops.sequence <= lines);
        assert!(oops.payload(Privacy::Filtered, &[]).len() <= 8192);
    }
});
