//! `snmp`: the objects of TELEMETRICS-MIB for net-snmp's snmpd, which starts this and asks it over pipes (pass_persist).
//!
//! ```text
//!  snmpd ──▶ protocol: a question, a line each ──▶ table (pure): objects in their order ──▶ three lines, or NONE
//!                                                    ▲
//!                                       published: state files that everybody may read, looked at once a second
//! ```
//!
//! Nothing is asked of a daemon and nothing is waited for: snmpd answers nobody else meanwhile. Files are replaced by rename, so
//! that each is whole; of one that is not, the last good one counts, and grows old.

mod oid;
mod protocol;
mod published;
mod table;

pub use oid::Oid;

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use published::Published;
use std::io::{BufRead, ErrorKind, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use table::Table;

/// How often files are looked at, and the seconds that objects count are counted on.
const PACE: Duration = Duration::from_secs(1);

/// Answers until the other end closes.
///
/// # Errors
/// Its pipes break in another way.
pub fn run(
    installation: &Installation,
    base: &Oid,
    questions: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Outcome {
    let settings = &installation.settings;
    let mut published = Published::new(&settings.etc_dir, &settings.state_dir);
    let mut table: Option<(Instant, Table)> = None;
    loop {
        let Some(question) = protocol::next(questions).map_err(Failure::Output)? else { return Ok(()) };
        let now = Instant::now();
        let (_, table) = match table.take().filter(|(made, _)| now.duration_since(*made) < PACE) {
            Some(fresh) => table.insert(fresh),
            None => {
                published.refresh(now);
                let unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                table.insert((now, Table::new(base, &published, now, unix_secs)))
            }
        };
        let answered = out.write_all(question.answer(table).as_bytes()).and_then(|()| out.flush());
        match answered {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            answered => answered.map_err(Failure::Output)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;

    #[test]
    fn questions_are_answered_until_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("[settings]\nstate_dir={0}\netc_dir={0}\n", dir.path().display());
        let configuration = Configuration::parse(std::path::Path::new("/f"), &text).unwrap();
        let installation = Installation::new(&configuration, true).unwrap();
        let said = |questions: &str| {
            let mut out = Vec::new();
            let base = ".1.3.9".parse().unwrap();
            run(&installation, &base, &mut questions.as_bytes(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(said("PING\nget\n.1.3.9.1.1.0\n"), "PONG\n.1.3.9.1.1.0\ninteger\n2\n");
        assert_eq!(
            said("getnext\n.1.3.9\nset\n.1.3.9.1.1.0\ninteger 1\n\nPING\n"),
            ".1.3.9.1.1.0\ninteger\n2\nnot-writable\n"
        );
        assert_eq!(said(""), "");
    }
}
