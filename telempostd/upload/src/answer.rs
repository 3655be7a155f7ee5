//! What comes back from a server, while it comes: as little as is needed of it.

use curl::easy::{Handler, WriteError};
use std::time::SystemTime;
use telempost_upload::limits::{ANSWER_BYTES, ANSWER_HEAD_BYTES, HEADER_VALUE_BYTES};

/// The receiving end of one transfer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    head: Vec<u8>,
    length: usize,
    retry_after: Option<String>,
    date: Option<SystemTime>,
    is_head_whole: bool,
    is_multiplexed: bool,
}

impl Answer {
    /// Begins anew, for the next transfer.
    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.length = 0;
        self.retry_after = None;
        self.date = None;
        self.is_head_whole = false;
        self.is_multiplexed = false;
    }

    /// Whether it came over HTTP/2 or later.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.is_multiplexed
    }

    /// Whether the empty line came that ends the headers. libcurl does not mind if it does not.
    pub(crate) fn is_head_whole(&self) -> bool {
        self.is_head_whole
    }

    /// Whether the answer was cut off since it is too long.
    pub(crate) fn is_too_long(&self) -> bool {
        self.length > ANSWER_BYTES
    }

    /// The value of `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<&str> {
        self.retry_after.as_deref()
    }

    /// What its `Date` says.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        self.date
    }

    /// The head of the body as one line of printable text.
    pub(crate) fn shown_head(&self) -> String {
        one_line(&String::from_utf8_lossy(&self.head))
    }
}

/// The value of a header line with this name; none if it is too long to mean anything.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (found, value) = line.split_at_checked(name.len())?;
    let is_meant = found.eq_ignore_ascii_case(name) && value.len() <= HEADER_VALUE_BYTES;
    std::str::from_utf8(value).ok().filter(|_| is_meant).map(str::trim)
}

/// Text of others as one line: blanks and control characters become single blanks; bounded.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line.truncate(line.floor_char_boundary(ANSWER_HEAD_BYTES));
    line
}

impl Handler for Answer {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        let room = ANSWER_HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(data.iter().take(room));
        self.length = self.length.saturating_add(data.len());
        // Less than was given ends the transfer.
        Ok(if self.is_too_long() { 0 } else { data.len() })
    }

    fn header(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"HTTP/") {
            // The final answer may follow an informational one.
            self.retry_after = None;
            self.date = None;
            self.is_head_whole = false;
            self.is_multiplexed = !line.starts_with(b"HTTP/1");
        } else if matches!(line, b"\r\n" | b"\n") {
            self.is_head_whole = true;
        } else if let Some(value) = value_of(line, b"retry-after:") {
            self.retry_after = Some(value.to_owned());
        } else if let Some(value) = value_of(line, b"date:") {
            self.date = httpdate::parse_http_date(value).ok();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_one_bounded_line() {
        assert_eq!(one_line(" a\r\n\tb\u{1b}[31m\u{0} c "), "a b [31m c");
        assert_eq!(one_line(&"é".repeat(ANSWER_HEAD_BYTES)).len(), ANSWER_HEAD_BYTES);
        let mut answer = Answer::default();
        while answer.write(&[b'x'; 1000]).unwrap() > 0 {}
        assert!(answer.is_too_long());
        assert_eq!(answer.shown_head(), "x".repeat(ANSWER_HEAD_BYTES));
        answer.clear();
        assert_eq!((answer.shown_head().as_str(), answer.is_too_long()), ("", false));
    }

    #[test]
    fn retry_after_is_that_of_the_final_answer() {
        let mut answer = Answer::default();
        for line in ["HTTP/1.1 103 x\r\n", "Retry-After: 5\r\n", "\r\n", "HTTP/1.1 429 x\r\n"] {
            assert!(answer.header(line.as_bytes()));
        }
        assert_eq!((answer.retry_after(), answer.is_head_whole()), (None, false));
        assert!(!answer.is_multiplexed());
        answer.header(b"RETRY-AFTER:  7 \r\n");
        assert_eq!(answer.retry_after(), Some("7"));
        answer.header(b"Retry-After:");
        answer.header(format!("Retry-After: {}\r\n", "9".repeat(100)).as_bytes());
        assert_eq!(answer.retry_after(), Some(""));
        assert_eq!(answer.date(), None);
        answer.header(b"Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n");
        let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(784_887_151);
        assert_eq!(answer.date(), Some(date));
        answer.header(b"\r\n");
        assert!(answer.is_head_whole());
        // The proxy's answer to CONNECT, and the server's behind it.
        for line in ["HTTP/1.1 200 Connection established\r\n", "\r\n", "HTTP/2 201 \r\n"] {
            answer.header(line.as_bytes());
        }
        assert!(answer.is_multiplexed() && !answer.is_head_whole());
    }
}
