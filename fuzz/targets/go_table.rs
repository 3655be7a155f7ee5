//! The table of functions of a Go program.
//!
//! Input: 8 bytes of an address, then the table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_crash::go::GoTable;

fuzz_target!(|bytes: &[u8]| {
    let Some((svma, bytes)) = bytes.split_first_chunk::<8>() else { return };
    let Some(table) = GoTable::parse(bytes) else { return };
    let svma = u64::from_le_bytes(*svma);
    for svma in [svma, svma.wrapping_add(1), 0, u64::MAX] {
        if let Some(function) = table.find(svma) {
            assert!(function.start <= svma);
            let _ = function.frame_bytes(svma);
            assert!(function.name.len() <= 4096 && function.plain_name().len() <= function.name.len());
        }
    }
});
