//! A look at a server's certificate, taken by telempost-identity: libcurl yields none where a server demands one of us.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use telemetry_trust::{Fingerprint, KeyPin, ServerAddress};

const PROGRAM: &str = "telempost-identity";

/// Longest output that is read: a line.
const OUTPUT_BYTES: u64 = 1024;

/// A process that looks.
#[derive(Debug)]
pub(crate) struct Look {
    child: Child,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) pin: KeyPin,
    pub(crate) speaks_tls13: bool,
}

impl Look {
    /// Begins to look.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn new(program: &Path, server: &ServerAddress) -> io::Result<Self> {
        let child = Command::new(program)
            .args(["look", &server.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program.display())))?;
        Ok(Self { child })
    }

    /// What is readable once the process has something to say.
    pub(crate) fn descriptor(&self) -> Option<i32> {
        self.child.stdout.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// What it has seen, or why nothing; none while it looks.
    pub(crate) fn result(&mut self) -> Option<Result<Seen, String>> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) if status.success() => {
                let line = self.child.stdout.take().map(read_line).unwrap_or_default();
                Some(parse(&line).ok_or_else(|| format!("{PROGRAM} said something else: {line}")))
            }
            Ok(Some(status)) => {
                let line = self.child.stderr.take().map(read_line).unwrap_or_default();
                let said = line.strip_prefix("telempost-identity: ").unwrap_or(&line);
                Some(Err(if said.is_empty() { format!("{PROGRAM}: {status}") } else { said.to_owned() }))
            }
            Err(error) => Some(Err(error.to_string())),
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_line(output: impl Read) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is not said.
    let _ = output.take(OUTPUT_BYTES).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// `FINGERPRINT PIN VERSION`.
fn parse(line: &str) -> Option<Seen> {
    let (fingerprint, rest) = line.split_once(' ')?;
    let (pin, version) = rest.split_once(' ')?;
    let speaks_tls13 = match version {
        "TLSv1.2" => false,
        "TLSv1.3" => true,
        _ => return None,
    };
    Some(Seen { fingerprint: fingerprint.parse().ok()?, pin: pin.parse().ok()?, speaks_tls13 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fingerprint_pin_and_version_are_something_seen() {
        let fingerprint = Fingerprint::of_der(b"x");
        let pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert!(parse(&format!("{fingerprint} {pin} TLSv1.3")).unwrap().speaks_tls13);
        assert!(!parse(&format!("{fingerprint} {pin} TLSv1.2")).unwrap().speaks_tls13);
        for other in [
            "",
            " ",
            pin,
            &fingerprint.to_string(),
            &format!("{fingerprint} {pin}"),
            &format!("{fingerprint} {pin} x"),
        ] {
            assert!(parse(other).is_none(), "{other}");
        }
    }
}
