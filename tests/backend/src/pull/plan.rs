//! Which machines are asked, and with what: the file of `--config`, read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ask::Asker;
use super::board::Definitions;
use super::definition::definitions;
use super::identities::Identities;
use super::schedule::{Millis, Schedule};
use crate::config_file::{self, ConfigError};
use crate::trust::{Renewal, TrustError};

/// Why a configuration cannot be taken.
#[derive(Debug)]
pub enum PullError {
    /// It cannot be read, or a line of it is wrong.
    File(ConfigError),
    /// A certificate cannot be used.
    Trust(TrustError),
    /// A buffer keeps records for others, and has no samples.
    Buffer,
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Trust(error) => error.fmt(f),
            Self::Buffer => f.write_str(
                "a buffer asks no machines: remove [pull NAME], or buffer=true, and let the collector ask that fetches from it",
            ),
        }
    }
}

impl std::error::Error for PullError {}

/// Where a plan is read from.
#[derive(Clone, Debug)]
pub struct PlanSource {
    /// The file of `--config`.
    pub file: PathBuf,
    /// Where our own certificates are.
    pub identity: Option<PathBuf>,
    /// Of the one that machines are shown, if somebody looks after its renewal already.
    pub renewal: Option<Arc<Renewal>>,
    /// Whether this collector is a buffer.
    pub is_buffer: bool,
}

/// Which machines are asked, and when.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) definitions: Definitions,
    pub(super) schedule: Schedule,
    pub(super) asker: Arc<Asker>,
}

impl Plan {
    /// Reads the file, and what it names. Blocks.
    pub(super) fn read(
        source: &PlanSource,
        identities: &Arc<Identities>,
        now_ms: Millis,
    ) -> Result<Self, PullError> {
        let path: &Path = &source.file;
        let text = config_file::read(path).map_err(PullError::File)?;
        let wrong = |fault| PullError::File(ConfigError::of_line(path, &fault));
        let definitions: Vec<_> = definitions(&text).map_err(wrong)?.into_iter().map(Arc::new).collect();
        if source.is_buffer && !definitions.is_empty() {
            return Err(PullError::Buffer);
        }
        let asker = Asker::new(&definitions, identities).map_err(PullError::Trust)?;
        identities.set_machines(&definitions);
        let machines = definitions.iter().map(|one| (one.name.as_str(), one.interval_secs));
        let schedule = Schedule::new(machines, now_ms);
        Ok(Self { definitions: Arc::new(definitions), schedule, asker: Arc::new(asker) })
    }

    /// Nothing is known of anybody: each is due at its next time from now on.
    pub(super) fn begin_anew(&mut self, now_ms: Millis) {
        let machines = self.definitions.iter().map(|one| (one.name.as_str(), one.interval_secs));
        self.schedule = Schedule::new(machines, now_ms);
    }

    /// Takes over what another plan knows of machines of the same name.
    pub(super) fn follow(&mut self, before: &Self, now_ms: Millis) {
        let place_before = |name: &str| {
            before.definitions.binary_search_by(|definition| definition.name.as_str().cmp(name)).ok()
        };
        let places = self.definitions.iter().enumerate();
        let pairs: Vec<_> =
            places.filter_map(|(here, one)| place_before(&one.name).map(|there| (here, there))).collect();
        self.schedule.inherit(&before.schedule, pairs, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("collector.conf");
        let source = |is_buffer| PlanSource { file: file.clone(), identity: None, renewal: None, is_buffer };
        let identities = Arc::new(Identities::new(None, None));
        let read = |text: &str, is_buffer| {
            std::fs::write(&file, text).unwrap();
            Plan::read(&source(is_buffer), &identities, 0)
                .map(|plan| plan.definitions.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read("[settings]\nlisten=x\n", true), Ok(0));
        let here = "[pull a{1..3}]\nurl=http://127.0.0.1:9\n";
        assert_eq!(read(here, false), Ok(3));
        assert!(read(here, true).unwrap_err().contains("a buffer asks no machines"));
        let error = read("[pull a]\nurl=x\n", false).unwrap_err();
        assert_eq!(
            error,
            format!(
                "{}: line 2: url=\"x\": must be https://HOST:PORT, without user and query",
                file.display()
            )
        );
        let fingerprint = "0".repeat(64);
        let error =
            read(&format!("[pull a]\nurl=https://x\nfingerprint={fingerprint}\n"), false).unwrap_err();
        assert!(error.contains("[pull NAME] needs --identity DIR"), "{error}");
        std::fs::remove_file(&file).unwrap();
        let error = Plan::read(&source(false), &identities, 0).unwrap_err().to_string();
        assert!(error.contains("collector.conf: cannot be read"), "{error}");
    }
}
