//! Which server is sent records of which machine ids: known before the first goes, so that each can be asked to forget them.

use crate::queue::NamedBy;
use crate::settings::Settings;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use telemetry_config::ServerSettings;
use telemetry_record::hex_id::HexId;
use telemetry_store::forget::{SentLedger, SentServer};

/// The ledger of this installation, read when the first record goes.
#[derive(Debug)]
pub(super) struct Ledger {
    state_dir: PathBuf,
    keep: Duration,
    known: Option<SentLedger>,
    /// Whether there was no room for the last change, which is on no disk yet.
    is_unwritten: bool,
}

impl Ledger {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            state_dir: settings.state_dir.clone(),
            keep: settings.forget_after,
            known: None,
            is_unwritten: false,
        }
    }

    /// A record of this machine id is about to be sent, at this second of steady time. One that is no hash of anything is not
    /// remembered: nothing proves it.
    ///
    /// # Errors
    /// That it was cannot be kept, so that it must not be sent; for people.
    pub(super) fn note(
        &mut self,
        server: &ServerSettings,
        named_by: NamedBy,
        id: &str,
        now_secs: u64,
    ) -> Result<(), String> {
        if id.parse::<HexId>().is_err() {
            return Ok(());
        }
        let path = self.state_dir.join("forget/sent.json");
        let about = |error: io::Error| {
            format!("{}: {error}; nothing is sent while it is not known who got what", path.display())
        };
        let mut ledger = match self.known.take() {
            Some(ledger) => ledger,
            None => match SentLedger::read(&self.state_dir) {
                Err(error) if is_no_ledger(&error) => {
                    log::error!("{}; it begins anew", about(error));
                    SentLedger::default()
                }
                read => read.map_err(about)?,
            },
        };
        let server = SentServer {
            url: server.url.with_password().to_owned(),
            tid_header: server.tid_header.clone(),
            cainfo: server.cainfo.clone(),
            is_foreign: named_by == NamedBy::Record,
            ids: Default::default(),
        };
        if ledger.note(&server, id, now_secs, self.keep) || self.is_unwritten {
            self.write(&ledger).map_err(about)?;
        }
        self.known = Some(ledger);
        Ok(())
    }

    /// Writes what there was no room for, since there may be by now.
    pub(super) fn catch_up(&mut self) {
        let Some(ledger) = self.known.take_if(|_| self.is_unwritten) else { return };
        // That it is on no disk was said.
        let _ = self.write(&ledger);
        self.known = Some(ledger);
    }

    /// What is not on disk is not known, so that an error stops what would be sent. Not so where there is no room: delivery is
    /// what makes room, and the next record tries again.
    fn write(&mut self, ledger: &SentLedger) -> io::Result<()> {
        let written = ledger.write(&self.state_dir);
        let was_unwritten = std::mem::replace(&mut self.is_unwritten, written.is_err());
        match written {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                if !was_unwritten {
                    log::warn!(
                        "{}/forget/sent.json: {error}; should telempostd be killed before there is room, opt-out will not ask the \
                         newest server to forget",
                        self.state_dir.display()
                    );
                }
                Ok(())
            }
            written => written,
        }
    }
}

/// Whether the file is something else than a ledger, which nobody will make one of.
fn is_no_ledger(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use telemetry_config::{Compression, ServerApi, ServerUrl};
    use telemetry_store::steady_clock::{ClockState, Reading};

    fn server() -> ServerSettings {
        ServerSettings {
            url: ServerUrl::unchecked("http://h/"),
            api: ServerApi::V2,
            cainfo: None,
            tid_header: "X: 1".to_owned(),
            compression: Compression::Off,
        }
    }

    #[test]
    fn a_file_that_is_no_ledger_stops_no_delivery_and_a_new_one_takes_its_place() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("forget")).unwrap();
        let path = dir.path().join("forget/sent.json");
        let (state_dir, keep, id) = (dir.path().to_owned(), Duration::from_secs(1000), "07".repeat(16));
        for noise in [b"noise".to_vec(), b"{".to_vec(), Vec::new(), vec![b' '; 5 << 20]] {
            fs::write(&path, noise).unwrap();
            let state_dir = state_dir.clone();
            let mut ledger = Ledger { state_dir, keep, known: None, is_unwritten: false };
            ledger.note(&server(), NamedBy::System, &id, 1).unwrap();
            assert!(SentLedger::read(dir.path()).unwrap().servers[0].ids.contains_key(&id));
        }
        // What cannot be read may be one.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let mut ledger = Ledger { state_dir, keep, known: None, is_unwritten: false };
        assert!(ledger.note(&server(), NamedBy::System, &id, 1).is_err());
    }

    /// Whose servers are to be asked to forget is known by steady time: the wall clock may be set by fifty years and back.
    #[test]
    fn a_clock_that_is_set_by_fifty_years_forgets_no_server() {
        const YEARS: Duration = Duration::from_secs(50 * 365 * 24 * 60 * 60);
        let dir = tempfile::tempdir().unwrap();
        let keep = Duration::from_secs(35 * 24 * 60 * 60);
        let mut ledger = Ledger { state_dir: dir.path().to_owned(), keep, known: None, is_unwritten: false };
        let boot = HexId::from_bytes([1; 16]);
        let reading = |secs: u64, wall| Reading::new(boot, Duration::from_secs(secs), wall, false);
        let wall = 2 * YEARS;
        let mut state = ClockState::begin(&reading(10, wall));
        let at =
            |name: &str| ServerSettings { url: ServerUrl::unchecked(format!("http://{name}/")), ..server() };
        ledger
            .note(&at("away"), NamedBy::System, &"07".repeat(16), state.at(&reading(10, wall)).secs())
            .unwrap();
        for (secs, wall) in [(60, wall + YEARS), (120, wall - YEARS), (180, Duration::ZERO), (240, wall)] {
            let reading = reading(secs, wall);
            state = state.advanced(&reading);
            let now_secs = state.at(&reading).secs();
            ledger.note(&at("here"), NamedBy::System, &format!("{secs:032}"), now_secs).unwrap();
            let urls: Vec<_> =
                SentLedger::read(dir.path()).unwrap().servers.into_iter().map(|server| server.url).collect();
            assert_eq!(urls, ["http://away/", "http://here/"], "{secs}");
        }
    }
}
