//! The 15 header lines, alone and at the head of a longer text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::limits::{HEADER_BLOCK_BYTES, HEADER_VALUE_BYTES};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let Ok((block, rest)) = HeaderBlock::parse_head(&text) else {
        assert!(HeaderBlock::parse(&text).is_err());
        return;
    };
    assert!(text.ends_with(rest));
    assert_eq!(HeaderBlock::parse(&text).is_ok(), rest.is_empty() && text.len() <= HEADER_BLOCK_BYTES);
    for header in Header::ALL {
        let value = block.value(header);
        assert!(value.len() <= HEADER_VALUE_BYTES && !value.contains(char::is_control), "{value:?}");
        assert_eq!(block.line(header), format!("{}: {value}\n", header.name()));
    }
    assert_eq!(HeaderBlock::from_values(Header::ALL.map(|header| block.value(header))), block);
    assert_eq!(HeaderBlock::parse(block.as_str()), Ok(block.clone()));
});
