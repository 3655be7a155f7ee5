//! From decoded messages to stored records: checked, given the machine id, written together.

use crate::sender_config::SenderConfigs;
use nix::errno::Errno;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;
use telemetry::config::Settings;
use telemetry::header::Header;
use telemetry::limits::RECORDS_PER_FILE;
use telemetry::message::Message;
use telemetry::spool::SpoolDir;
use telemetry::{classification, errno_of, machine_id, opt_in};

/// Why nothing can be stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StagingError {
    /// The spool can not be used.
    #[error("spool_dir {}: {source}; it must be writable for the daemon's user", path.display())]
    Spool {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The machine id can not be kept.
    #[error("state_dir {}: {source}; it must be writable for the daemon's user", path.display())]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What stores records.
#[derive(Debug)]
pub(crate) struct Staging {
    spool: SpoolDir,
    sync: bool,
    etc_dir: PathBuf,
    state_dir: PathBuf,
    machine_id: String,
    sender_configs: SenderConfigs,
}

impl Staging {
    /// Opens the spool, cleans it of what a killed daemon left half written, and reads or makes the
    /// machine id.
    pub(crate) fn open(settings: &Settings) -> Result<Self, StagingError> {
        let spool_error = |source| StagingError::Spool { path: settings.spool_dir.clone(), source };
        let state_error = |source| StagingError::State { path: settings.state_dir.clone(), source };
        let spool = SpoolDir::open_or_create(&settings.spool_dir).map_err(spool_error)?;
        spool.check_writable().map_err(spool_error)?;
        let swept = spool.sweep_unfinished().map_err(spool_error)?;
        if swept > 0 {
            log::info!("removed {swept} unfinished files of an earlier run; none was answered as stored");
        }
        std::fs::create_dir_all(&settings.state_dir).map_err(state_error)?;
        let machine_id = machine_id::current(&settings.etc_dir, &settings.state_dir, SystemTime::now())
            .map_err(state_error)?;
        Ok(Self {
            spool,
            sync: settings.spool_sync,
            etc_dir: settings.etc_dir.clone(),
            state_dir: settings.state_dir.clone(),
            machine_id,
            sender_configs: SenderConfigs::default(),
        })
    }

    /// Renews the machine id where that is due. If it can not be written the old one stays in use.
    pub(crate) fn check_machine_id(&mut self, now: SystemTime) {
        match machine_id::current(&self.etc_dir, &self.state_dir, now) {
            Ok(id) => self.machine_id = id,
            Err(error) => log::error!("state_dir {}: machine_id: {error}", self.state_dir.display()),
        }
    }

    /// Checks a message and fills the machine id in.
    ///
    /// # Errors
    /// The error number of the answer.
    pub(crate) fn admit(
        &mut self,
        mut message: Message,
        sender_uid: impl FnOnce() -> Result<u32, Errno>,
    ) -> Result<Message, Errno> {
        let class = message.headers.value(Header::Classification);
        classification::check(class).map_err(|_| Errno::EINVAL)?;
        if !matches!(message.headers.value(Header::Severity), "1" | "2" | "3" | "4") {
            return Err(Errno::EINVAL);
        }
        if let Some(config) = &message.config {
            self.sender_configs.check(config, sender_uid()?)?;
        }
        message.headers.set(Header::MachineId, &self.machine_id);
        Ok(message)
    }

    /// Stores what became ready in one turn and returns an answer for each, in order.
    pub(crate) fn commit(&self, messages: &[Message]) -> Vec<Result<(), Errno>> {
        if !opt_in::is_opted_in(&self.etc_dir) {
            return vec![Err(Errno::ECONNREFUSED); messages.len()];
        }
        let mut answers = Vec::with_capacity(messages.len());
        for group in messages.chunks(RECORDS_PER_FILE) {
            let stored = self.spool.store(group, self.sync).map_err(|error| {
                log::error!("spool_dir {}: {error}", self.spool.path().display());
                errno_of(&error)
            });
            answers.extend(group.iter().map(|_| stored.as_ref().map(drop).map_err(|errno| *errno)));
        }
        answers
    }

    /// Whether telemetry is opted in, as of now.
    pub(crate) fn is_opted_in(&self) -> bool {
        opt_in::is_opted_in(&self.etc_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use telemetry::header::HeaderBlock;

    fn message(class: &str, severity: &str) -> Message {
        let mut headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        headers.set(Header::Classification, class);
        headers.set(Header::Severity, severity);
        Message { config: None, headers, payload: "x".to_owned() }
    }

    fn staging(dir: &Path) -> Staging {
        let file = dir.join("t.conf");
        let lines: String = ["etc_dir", "spool_dir", "state_dir"]
            .map(|key| format!("{key}={}\n", dir.join(key).display()))
            .concat();
        std::fs::write(&file, format!("[settings]\nspool_sync=false\n{lines}")).unwrap();
        Staging::open(&telemetry::config::load(Some(&file)).unwrap().settings).unwrap()
    }

    #[test]
    fn admission_checks_and_fills_in() {
        let dir = tempfile::tempdir().unwrap();
        let mut staging = staging(dir.path());
        let id = staging.machine_id.clone();
        let mut admit = |class, severity| staging.admit(message(class, severity), || Ok(0));
        let admitted = admit("a/b/c", "4").unwrap();
        assert_eq!(admitted.headers.value(Header::MachineId), id);
        for (class, severity) in [("a/b", "1"), ("a/b/c", "0"), ("a/b/c", "5"), ("a/b/c", "")] {
            assert_eq!(admit(class, severity), Err(Errno::EINVAL), "{class} {severity}");
        }
    }

    #[test]
    fn nothing_is_stored_without_consent() {
        let dir = tempfile::tempdir().unwrap();
        let staging = staging(dir.path());
        let messages = vec![message("a/b/c", "1"); RECORDS_PER_FILE + 1];
        assert_eq!(staging.commit(&messages), vec![Err(Errno::ECONNREFUSED); messages.len()]);
        assert_eq!(staging.spool.entries().unwrap(), []);
        std::fs::create_dir_all(dir.path().join("etc_dir")).unwrap();
        std::fs::write(dir.path().join("etc_dir/opt-in"), "").unwrap();
        assert_eq!(staging.commit(&messages), vec![Ok(()); messages.len()]);
        assert_eq!(staging.spool.entries().unwrap().len(), 2);
    }
}
