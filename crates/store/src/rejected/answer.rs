//! What a server said when it rejected a record, as a file of four lines, or five where the sender of the record is known.

use super::Rejection;
use crate::limits::REJECTED_REASON_BYTES;
use std::fmt::Write;
use telemetry_record::harmless;
use telemetry_record::header::cut;
use telemetry_record::limits::CONFIG_PATH_BYTES;

/// What stands for a status where no server was reached.
const NO_STATUS: &str = "none";

/// The file's content. What a file does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StoredAnswer {
    pub(super) unix_secs: Option<u64>,
    pub(super) server: String,
    pub(super) status: Option<u16>,
    pub(super) reason: String,
    pub(super) sender: Option<u32>,
}

impl StoredAnswer {
    pub(super) fn new(rejection: Rejection<'_>, sender: Option<u32>, unix_secs: u64) -> Self {
        Self {
            unix_secs: Some(unix_secs),
            server: one_line(rejection.server, CONFIG_PATH_BYTES),
            status: rejection.status,
            reason: one_line(rejection.reason, REJECTED_REASON_BYTES),
            sender,
        }
    }

    pub(super) fn encode(&self) -> String {
        let mut text = String::new();
        if let Some(secs) = self.unix_secs {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "time: {secs}");
        }
        let status = self.status.map_or_else(|| NO_STATUS.to_owned(), |status| status.to_string());
        let _ = writeln!(text, "server: {}\nstatus: {status}\nreason: {}", self.server, self.reason);
        if let Some(sender) = self.sender {
            let _ = writeln!(text, "sender: {sender}");
        }
        text
    }

    /// Reads a file. Lines that are not known or make no sense count as not there.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut answer = Self::default();
        for line in String::from_utf8_lossy(bytes).lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "time" => answer.unix_secs = value.parse().ok(),
                "server" => answer.server = one_line(value, CONFIG_PATH_BYTES),
                "status" => answer.status = value.parse().ok(),
                "sender" => answer.sender = value.parse().ok(),
                "reason" => answer.reason = one_line(value, REJECTED_REASON_BYTES),
                _ => {}
            }
        }
        answer
    }
}

/// Text without control characters, cut on a character boundary.
fn one_line(text: &str, limit_bytes: usize) -> String {
    cut(&harmless::line(cut(text, limit_bytes)), limit_bytes).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::REJECTED_ANSWER_BYTES;
    use proptest::prelude::*;

    #[test]
    fn four_lines_and_the_sender() {
        let rejection = Rejection { server: "http://h/", status: Some(400), reason: "bad\nseverity: 9" };
        let answer = StoredAnswer::new(rejection, None, 7);
        let text = "time: 7\nserver: http://h/\nstatus: 400\nreason: bad severity: 9\n";
        assert_eq!(answer.encode(), text);
        assert_eq!(StoredAnswer::parse(text.as_bytes()), answer);
        let of_user = StoredAnswer { sender: Some(1000), ..answer.clone() };
        assert_eq!(of_user.encode(), format!("{text}sender: 1000\n"));
        let unasked = StoredAnswer { status: None, ..answer };
        assert!(unasked.encode().contains("\nstatus: none\n"));
        assert_eq!(StoredAnswer::parse(unasked.encode().as_bytes()), unasked);
    }

    #[test]
    fn what_makes_no_sense_is_not_there() {
        let text = "time: soon\nstatus: 99999\ncolour: red\n\0\nreason\nreason: x\u{1b}[2J";
        let answer = StoredAnswer::parse(text.as_bytes());
        assert_eq!(answer, StoredAnswer { reason: "x [2J".to_owned(), ..StoredAnswer::default() });
    }

    proptest! {
        #[test]
        fn any_answer_is_kept_in_its_lines(
            server in any::<String>(), reason in any::<String>(), status in any::<Option<u16>>(), secs in any::<u64>(),
            sender in any::<Option<u32>>()
        ) {
            let (server, reason) = (server.repeat(40), reason.repeat(40));
            let answer = StoredAnswer::new(Rejection { server: &server, status, reason: &reason }, sender, secs);
            let text = answer.encode();
            prop_assert!(text.len() as u64 <= REJECTED_ANSWER_BYTES);
            prop_assert_eq!(text.lines().count(), 4 + usize::from(sender.is_some()));
            prop_assert_eq!(StoredAnswer::parse(text.as_bytes()), answer);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let answer = StoredAnswer::parse(&bytes);
            prop_assert!(!answer.reason.contains(|c: char| c.is_control()));
        }
    }
}
