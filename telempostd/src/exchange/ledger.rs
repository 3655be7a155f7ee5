//! Which server is sent records of which machine ids: known before the first goes, so that each can be asked to forget them.

use crate::queue::NamedBy;
use crate::settings::Settings;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
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

    /// A record of this machine id is about to be sent. One that is no hash of anything is not remembered: nothing proves it.
    ///
    /// # Errors
    /// That it was cannot be kept, so that it must not be sent; for people.
    pub(super) fn note(
        &mut self,
        server: &ServerSettings,
        named_by: NamedBy,
        id: &str,
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
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
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
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if ledger.note(&server, id, now, self.keep) || self.is_unwritten {
            self.write(&ledger).map_err(about)?;
        }
        self.known = Some(ledger);
        Ok(())
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
