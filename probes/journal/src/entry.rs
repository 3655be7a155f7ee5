//! An entry of the journal as a plain value: what the probe needs of it, within bounds.

use super::limits::{MESSAGE_BYTES, UNIT_BYTES, WORD_BYTES};

/// The fields that are read; see systemd.journal-fields(7).
pub const FIELDS: [&str; 6] = ["MESSAGE", "UNIT", "USER_UNIT", "_SYSTEMD_UNIT", "EXIT_STATUS", "_COMM"];

/// An entry of the journal. Texts are one line: control characters have become blanks, and what is not UTF-8 has become
/// U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where the entry stands, for libsystemd to find it again.
    pub cursor: String,
    /// When it was written, in microseconds since 1970.
    pub realtime_us: u64,
    /// What happened.
    pub message: Option<String>,
    /// The unit that it is about, or the one that wrote it.
    pub unit: Option<String>,
    /// The exit status that the entry names.
    pub exit_status: Option<String>,
    /// Name of the program that wrote it, as the kernel says.
    pub program: Option<String>,
}

impl Entry {
    /// An entry of these fields: `field` gives the bytes of one of [`FIELDS`], if the entry has it.
    pub fn read(cursor: String, realtime_us: u64, mut field: impl FnMut(&str) -> Option<Vec<u8>>) -> Self {
        let mut text = |name: &str, limit_bytes| field(name).map(|bytes| one_line(&bytes, limit_bytes));
        let message = text("MESSAGE", MESSAGE_BYTES);
        // A service manager writes about UNIT or USER_UNIT; what others write is about themselves.
        let unit = ["UNIT", "USER_UNIT", "_SYSTEMD_UNIT"]
            .into_iter()
            .find_map(|name| text(name, UNIT_BYTES).filter(|unit| !unit.is_empty()));
        let exit_status = text("EXIT_STATUS", WORD_BYTES);
        let program = text("_COMM", WORD_BYTES);
        Self { cursor, realtime_us, message, unit, exit_status, program }
    }
}

/// One line of at most so many bytes, without blanks around it.
fn one_line(bytes: &[u8], limit_bytes: usize) -> String {
    let head = bytes.get(..limit_bytes).unwrap_or(bytes);
    let mut line = String::from_utf8_lossy(head).replace(char::is_control, " ");
    // A byte that is no UTF-8 becomes three, and a character may have been cut.
    line.truncate(line.floor_char_boundary(limit_bytes));
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fields: &[(&str, &[u8])]) -> Entry {
        let value =
            |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_vec());
        Entry::read("s=1".into(), 5, value)
    }

    #[test]
    fn texts_are_one_line() {
        let entry = entry(&[("MESSAGE", b" one\n\ttwo\r\n\x1b[31mthree\x00 \xff \n"), ("_COMM", b"a\nb")]);
        assert_eq!(entry.message.as_deref(), Some("one  two   [31mthree  \u{fffd}"));
        assert_eq!(entry.program.as_deref(), Some("a b"));
        assert_eq!((entry.cursor.as_str(), entry.realtime_us), ("s=1", 5));
    }

    #[test]
    fn texts_are_bounded() {
        for byte in [b'x', 0xff, 0xe4] {
            let long = vec![byte; 1 << 20];
            let entry =
                entry(&[("MESSAGE", &long), ("UNIT", &long), ("_COMM", &long), ("EXIT_STATUS", &long)]);
            assert!((MESSAGE_BYTES - 3..=MESSAGE_BYTES).contains(&entry.message.unwrap().len()));
            assert!((UNIT_BYTES - 3..=UNIT_BYTES).contains(&entry.unit.unwrap().len()));
            assert!(entry.program.unwrap().len() <= WORD_BYTES);
            assert!(entry.exit_status.unwrap().len() <= WORD_BYTES);
        }
        let umlauts = "x".to_owned() + &"ä".repeat(MESSAGE_BYTES);
        let message = entry(&[("MESSAGE", umlauts.as_bytes())]).message.unwrap();
        assert!(message.trim_end_matches(['ä', '\u{fffd}']) == "x" && message.len() <= MESSAGE_BYTES);
    }

    #[test]
    fn the_unit_is_the_one_that_the_entry_is_about() {
        let unit = |fields: &[(&str, &[u8])]| entry(fields).unit;
        let own: (&str, &[u8]) = ("_SYSTEMD_UNIT", b"init.scope");
        assert_eq!(unit(&[own, ("UNIT", b"a.service")]).as_deref(), Some("a.service"));
        assert_eq!(unit(&[own, ("USER_UNIT", b"b.service")]).as_deref(), Some("b.service"));
        assert_eq!(unit(&[own, ("UNIT", b"")]).as_deref(), Some("init.scope"));
        assert_eq!(unit(&[]), None);
    }
}
