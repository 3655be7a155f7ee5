//! The grammar of events: lines of a kernel's log, as records of /dev/kmsg or in any form of a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_kernel::log::{Privacy, Scanner, parse_kmsg, read_line, with_count};

fuzz_target!(|bytes: &[u8]| {
    let (mut scanner, mut found) = (Scanner::default(), Vec::new());
    for (bytes, place) in bytes.split(|byte| *byte == b'\n').zip(0..) {
        if let Some(record) = parse_kmsg(bytes) {
            record.lines().for_each(|line| scanner.push(&line, &mut found));
        } else if let Some(line) = read_line(&String::from_utf8_lossy(bytes), place) {
            scanner.push(&line, &mut found);
        }
    }
    scanner.finish(&mut found);
    for oops in found {
        let notes = ["part 1 of 2 is missing".to_owned()];
        for privacy in [Privacy::Filtered, Privacy::Everything] {
            let payload = with_count(&oops.payload(privacy, &notes), 7);
            assert!(payload.len() <= 8192);
            assert!(payload.lines().all(|line| !line.contains(char::is_control)));
            let words = payload.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let is_address = |word: &str| {
                word.len() == 16
                    && word.starts_with("ffff")
                    && word.bytes().all(|byte| byte.is_ascii_hexdigit())
            };
            let has_address = words.into_iter().any(is_address);
            assert!(privacy == Privacy::Everything || !has_address, "{payload}");
        }
        assert!(!oops.key().contains('\n'));
    }
});
