//! systemd's journal by its native protocol: one datagram an entry, with fields for programs.
//!
//! ```text
//! MESSAGE=one line\n                      a field
//! NAME\n LENGTH (u64, little endian) BYTES \n   one whose value has a newline
//! ```
//! (systemd.io/JOURNAL_NATIVE_PROTOCOL)

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use telemetry_record::harmless;
use telemetry_record::header::cut;

/// Where the journal listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// Maximum length of a field's value, in bytes: a datagram of a dozen fields, the maximum of an entry, must fit into the
/// socket's buffer.
pub const VALUE_BYTES: usize = 2048;

/// One entry of the journal.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The priority, as in syslog(3).
    pub priority: u8,
    /// Name of the program.
    pub identifier: &'a str,
    /// A sentence. Control characters in it become blanks.
    pub message: &'a str,
    /// Fields for programs, as `TELEMETRY_PID`: capital letters, digits and `_`.
    pub fields: &'a [(&'a str, &'a str)],
}

/// A connection to the journal. Sending never blocks.
#[derive(Debug)]
pub struct NativeJournal(UnixDatagram);

impl NativeJournal {
    /// Connects. No privilege is needed afterwards, and no system call but `write`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(path)?;
        Ok(Self(socket))
    }

    /// Sends an entry.
    ///
    /// # Errors
    /// The journal is gone, or its queue is full.
    pub fn send(&self, entry: &Entry<'_>) -> io::Result<()> {
        self.0.send(&datagram(entry)).map(drop)
    }
}

/// One line of text, cut to [`VALUE_BYTES`].
pub fn one_line(text: &str) -> String {
    harmless::line(cut(text, VALUE_BYTES))
}

fn datagram(entry: &Entry<'_>) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(512);
    push_field(&mut datagram, "MESSAGE", &one_line(entry.message));
    push_field(&mut datagram, "PRIORITY", &entry.priority.to_string());
    push_field(&mut datagram, "SYSLOG_IDENTIFIER", entry.identifier);
    for (name, value) in entry.fields {
        push_field(&mut datagram, name, &harmless::lines(cut(value, VALUE_BYTES)));
    }
    datagram
}

fn push_field(datagram: &mut Vec<u8>, name: &str, value: &str) {
    datagram.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        datagram.push(b'=');
    }
    datagram.extend_from_slice(value.as_bytes());
    datagram.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_can_forge_another_field() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let journal = UnixDatagram::bind(&path).unwrap();
        let entry = Entry {
            priority: 3,
            identifier: "x",
            message: "a\nPRIORITY=0",
            fields: &[("TELEMETRY_PID", "7"), ("TELEMETRY_EXECUTABLE", "/bin/a\nPRIORITY=0")],
        };
        NativeJournal::connect(&path).unwrap().send(&entry).unwrap();
        let mut bytes = [0; 1000];
        let length = journal.recv(&mut bytes).unwrap();
        let expected = [
            &b"MESSAGE=a PRIORITY=0\nPRIORITY=3\nSYSLOG_IDENTIFIER=x\nTELEMETRY_PID=7\n"[..],
            b"TELEMETRY_EXECUTABLE\n\x11\0\0\0\0\0\0\0/bin/a\nPRIORITY=0\n",
        ]
        .concat();
        assert_eq!(&bytes[..length], expected);
    }

    #[test]
    fn a_long_entry_is_cut() {
        let long = "ü".repeat(100_000);
        let fields = [("TELEMETRY_X", long.as_str())];
        let entry = Entry { priority: 6, identifier: "x", message: &long, fields: &fields };
        let bytes = datagram(&entry);
        assert!(bytes.len() < 2 * VALUE_BYTES + 200 && std::str::from_utf8(&bytes).is_ok());
    }
}
