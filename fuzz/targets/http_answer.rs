//! What a server answers that a check of kind http asks, behind a line with the text that is looked for.
#![no_main]

use checkprobe::measure::http::{contains, is_whole, status_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (text, answer) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    if let Some(status) = status_of(answer) {
        assert!(answer.starts_with(b"HTTP/1.") && (100..=999).contains(&status), "{status}");
    }
    // What is in a body is in the answer; a body that ends with it has it.
    let is_there = text.is_empty() || answer.windows(text.len()).any(|window| window == text);
    assert!(is_there || !contains(answer, text));
    let whole = [b"HTTP/1.0 200 OK\r\n\r\n", answer, text].concat();
    assert!(contains(&whole, text));
    assert_eq!(status_of(&whole), Some(200));
    let _ = is_whole(answer);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
    assert!(is_whole(&[head.as_bytes(), answer].concat()));
    assert!(answer.is_empty() || !is_whole(&[head.as_bytes(), &answer[1..]].concat()));
});
