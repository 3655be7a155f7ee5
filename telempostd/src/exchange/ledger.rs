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
}

impl Ledger {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { state_dir: settings.state_dir.clone(), keep: settings.forget_after, known: None }
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
        let about = |error: io::Error| {
            format!(
                "{}/forget/sent.json: {error}; nothing is sent while it is not known who got what",
                self.state_dir.display()
            )
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
        if ledger.note(&server, id, now, self.keep) {
            // What is not on disk is not known.
            ledger.write(&self.state_dir).map_err(about)?;
        }
        self.known = Some(ledger);
        Ok(())
    }
}
