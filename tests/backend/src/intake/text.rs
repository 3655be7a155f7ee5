//! Foreign bytes to text.

/// UTF-8 if it is that, else Latin-1, which any bytes are.
pub(crate) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn utf8_stays_and_other_bytes_are_latin1() {
        for (bytes, text) in [
            (b"hello\n".as_slice(), "hello\n"),
            (b"", ""),
            ("é ✓".as_bytes(), "é ✓"),
            (b"caf\xe9", "caf\u{e9}"),
            (b"\xff\x80\xc3", "\u{ff}\u{80}\u{c3}"),
            // Cut within a character: no longer UTF-8 as a whole.
            (b"\xc3\xa9\xc3", "\u{c3}\u{a9}\u{c3}"),
        ] {
            assert_eq!(decode(bytes), text);
        }
    }
}
