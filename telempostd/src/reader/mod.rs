//! What a file of the spool holds, and where each record of it goes.

mod configurations;
mod record_server;

use crate::foreign::Files;
use crate::limits::PAYLOAD_BYTES;
use crate::queue::{FileName, Position};
use crate::settings::Settings;
use configurations::{Configurations, Known};
use record_server::RecordServerError;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_config::ServerSettings;
use telemetry_runtime::foreign_files::{FileError, ForeignFile};
use telemetry_store::shares::Accounts;
use telemetry_store::spool::Reader as SpoolReader;
use telemetry_store::spool::file::{self, StoredRecord};

/// A file that gives no record is read again until it is this old: the C daemons write under the
/// final name, and may not be done.
const STILL_WRITTEN: Duration = Duration::from_secs(10);

/// Where a record goes.
#[derive(Debug)]
pub(crate) enum Target {
    /// Nowhere: it is settled already.
    Settled,
    /// Into the delivery log alone, since nothing is delivered.
    LogOnly,
    /// To the system's server.
    SystemServer,
    /// That is known once its own configuration was read, for which its file waits.
    Unknown,
    /// To the server that its own configuration names.
    OwnServer(ServerSettings),
    /// Nowhere, since that configuration names none.
    NoServer {
        /// The configuration.
        config: PathBuf,
        /// What is wrong with it.
        error: RecordServerError,
    },
}

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Contents {
    /// These records, perhaps with damage besides.
    Records {
        /// In the order of the file.
        records: Vec<(Target, StoredRecord)>,
        /// What is wrong with the rest of it.
        damage: Option<String>,
    },
    /// Perhaps it is still being written; that shows after so long.
    Unfinished(Duration),
    /// No record.
    Damaged(String),
    /// It is gone.
    Gone,
    /// It cannot be read.
    Unreadable(io::Error),
}

/// Reads the files of a spool.
#[derive(Debug)]
pub(crate) struct Reader {
    spool: Rc<SpoolReader>,
    delivers: bool,
    accounts: Rc<Accounts>,
    configurations: Configurations,
}

impl Reader {
    /// A reader of this spool.
    pub(crate) fn new(settings: &Settings, spool: Rc<SpoolReader>, accounts: Rc<Accounts>) -> Self {
        Self {
            spool,
            delivers: settings.server_delivery_enabled,
            accounts,
            configurations: Configurations::default(),
        }
    }

    /// From now on these say which senders are one user.
    pub(crate) fn set_accounts(&mut self, accounts: Rc<Accounts>) {
        self.accounts = accounts;
    }

    /// Reads the file at this position, `settled` having a bit for each of its records that is settled. Configurations that
    /// they name are read by `files`; then the file is due once more. One whose time is still to come has no age.
    pub(crate) fn read(
        &mut self,
        position: &Position,
        age: Option<Duration>,
        settled: u64,
        files: &mut Files,
        now: Instant,
    ) -> Contents {
        let name = OsString::from(&position.name);
        let bytes = match self.spool.read(&name) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.configurations.forget(&position.name);
                return match error.kind() {
                    io::ErrorKind::FileTooLarge => Contents::Damaged(error.to_string()),
                    io::ErrorKind::NotFound => Contents::Gone,
                    _ => Contents::Unreadable(error),
                };
            }
        };
        let decoded = file::decode(&name, &bytes);
        let mut damage = decoded.damage.as_ref().map(ToString::to_string);
        if (damage.is_some() || bytes.last() != Some(&b'\n'))
            && let Some(wait) = time_to_be_finished(position, age)
        {
            return Contents::Unfinished(wait);
        }
        let known = self.configurations.begin(&position.name, now);
        let mut records = Vec::with_capacity(decoded.records.len());
        for (index, record) in (0..u64::BITS).zip(decoded.records) {
            let target = if settled >> index & 1 == 1 {
                Target::Settled
            } else if record.message.payload.len() > PAYLOAD_BYTES {
                damage = Some("a payload is longer than any that a daemon takes".to_owned());
                Target::Settled
            } else {
                self.target(&record, position, &known, files, now)
            };
            records.push((target, record));
        }
        self.configurations.end(&position.name);
        match damage {
            Some(damage) if records.is_empty() => Contents::Damaged(damage),
            damage => Contents::Records { records, damage },
        }
    }

    fn target(
        &mut self,
        record: &StoredRecord,
        position: &Position,
        known: &Known,
        files: &mut Files,
        now: Instant,
    ) -> Target {
        if !self.delivers {
            return Target::LogOnly;
        }
        let Some(config) = &record.message.config else {
            return Target::SystemServer;
        };
        let Known::These(known) = known else {
            return Target::Unknown;
        };
        match known.get(config) {
            Some(Ok(server)) => Target::OwnServer(server.clone()),
            Some(Err(error)) => Target::NoServer { config: config.clone(), error: error.clone() },
            None => {
                let reader = self.accounts.holder(record.sender).as_id();
                self.configurations.ask(position, config, record.sender, reader, files, now);
                Target::Unknown
            }
        }
    }

    /// A configuration was read for a file, or will not be. Returns the files that wait because of that.
    pub(crate) fn answered(
        &mut self,
        name: &FileName,
        path: PathBuf,
        file: &Result<ForeignFile, FileError>,
        now: Instant,
    ) -> Vec<FileName> {
        self.configurations.answered(name, path, file, now)
    }

    /// A file was removed.
    pub(crate) fn forget(&mut self, name: &FileName) {
        self.configurations.forget(name);
    }

    /// The files that are to be read again, each with its time of writing, but those that cannot be at the moment.
    pub(crate) fn due(&self, now: Instant, can_be_read: impl Fn(&FileName) -> bool) -> Vec<(FileName, i64)> {
        self.configurations.due(now, can_be_read)
    }

    /// When the next file is to be read again; none if that is now.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        self.configurations.next_due(now)
    }

    /// Whether no file waits for a configuration.
    pub(crate) fn is_idle(&self) -> bool {
        self.configurations.is_empty()
    }
}

/// Time until a file that seems unfinished is old enough to be judged; none if it is, or was whole when it was seen.
fn time_to_be_finished(position: &Position, age: Option<Duration>) -> Option<Duration> {
    if position.name.is_whole_when_seen() {
        return None;
    }
    STILL_WRITTEN.checked_sub(age?).filter(|left| !left.is_zero())
}
