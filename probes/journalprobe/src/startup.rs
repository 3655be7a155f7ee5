//! From the arguments to a probe at work, and its end.

use super::clock::Clock;
use super::cycle::{Probe, ProbeExit};
use super::damage;
use super::error::ProbeError;
use super::reading::{JournalState, Reading};
use super::sd_journal::Filter;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_config::{Configuration, consent};
use telemetry_files::bounded_file;
use telemetry_journal::cli::{Args, boot_id};
use telemetry_outbox::{ProbeSettings, WINDOW_MS, sending};
use telemetry_record::hex_id::HexId;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::instance::InstanceLock;
use telemetry_runtime::privileges::give_up_root_for_probe;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::Signals;

/// The state of the system's own journal. Another journal, or an earlier boot, is read without a change to where the
/// probe stands in this one.
const OWN_BOOK: &str = "journalprobe";
const OTHER_BOOK: &str = "journalprobe-other";

const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// Follows the journal until the probe is stopped or consent is withdrawn, or reads it until its end.
///
/// # Errors
/// [`ProbeError`], for a person to read. What was found and not sent is kept for the next time.
pub fn run(args: &Args) -> Result<(), ProbeError> {
    let config_file = args.config_file.as_deref().map(sending::absolute);
    let client = sending::client(config_file.as_deref())?;
    let settings = Configuration::load(config_file.as_deref())
        .and_then(|configuration| ProbeSettings::read(&configuration))
        .map_err(telemetry::Error::from)?;
    client.check_consent()?;
    let name = if args.directory.is_none() && args.boot.is_none() { OWN_BOOK } else { OTHER_BOOK };
    let filter = Filter {
        boot: args.boot.map_or_else(running_boot, Ok)?.to_string(),
        all_errors: consent::has_no_privacy_filters(&settings.etc_dir),
    };
    let directory = args.directory.as_deref().map(existing_directory).transpose()?;
    let groups = damage::groups_of_readers(directory.as_deref());
    give_up_root_for_probe(&settings.state_dir, &settings.run_dir, &groups)?;
    // Before the state is read, which is one process's.
    let _lock = InstanceLock::acquire(&settings.run_dir, name)?;
    let signals = Signals::watch().map_err(|source| ProbeError::System { what: "signals", source })?;
    let consent = ConsentWatch::new(&settings.etc_dir)
        .map_err(|source| ProbeError::System { what: "watch over etc_dir", source })?;
    let clock = Clock::start();
    let mut state = open_state(&settings, name, &clock)?;
    let reading = Reading::open(directory, filter, args.tail, &mut state)?;
    let mut probe = Probe { settings: &settings, client: &client, signals, consent, reading, state, clock };
    let end = if args.once { probe.once() } else { probe.follow() };
    readiness::stopping();
    finish(probe, end?)
}

fn open_state(settings: &ProbeSettings, name: &str, clock: &Clock) -> Result<JournalState, ProbeError> {
    let state_error = |source| ProbeError::State { state_dir: settings.state_dir.clone(), source };
    fs::create_dir_all(&settings.state_dir).map_err(state_error)?;
    let mut state = JournalState::open(&settings.state_dir, name).map_err(state_error)?;
    // Nothing waits for so long, unless the clock was set back since.
    let latest_ms = clock.now_ms().saturating_add(WINDOW_MS);
    if state.next_due_ms().is_some_and(|due_ms| due_ms > latest_ms) {
        state.forget_windows();
    }
    Ok(state)
}

fn finish(mut probe: Probe<'_>, end: ProbeExit) -> Result<(), ProbeError> {
    match end {
        ProbeExit::Done => log::info!("the journal of this boot is read to its end"),
        ProbeExit::Stopped => log::info!("stopped"),
        ProbeExit::ConsentWithdrawn => {
            log::info!("telemetry was opted out; what was found is forgotten");
            let state_dir = probe.settings.state_dir.clone();
            return probe.state.forget().map_err(|source| ProbeError::State { state_dir, source });
        }
    }
    probe.state.save().map_err(|source| probe.state_error(source))
}

fn running_boot() -> Result<HexId, ProbeError> {
    let text = bounded_file::read_head(Path::new(BOOT_ID_FILE), 64);
    let id = text.and_then(|text| {
        boot_id(&String::from_utf8_lossy(&text))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    });
    id.map_err(|source| ProbeError::System { what: BOOT_ID_FILE, source })
}

fn existing_directory(path: &Path) -> Result<PathBuf, ProbeError> {
    let directory = sending::absolute(path);
    let error = |source| ProbeError::Directory { path: directory.clone(), source };
    fs::read_dir(&directory).map_err(error)?;
    Ok(directory)
}
