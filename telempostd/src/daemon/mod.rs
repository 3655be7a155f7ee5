//! Start and end: what must hold before the loop runs, and what follows when it ends.

mod delivery;
mod error;
mod event_loop;
mod idle;
mod unusable_spool;

pub use error::DaemonError;

use crate::exchange::Uploads;
use crate::foreign;
use crate::scan::Scanner;
use crate::settings::{self, Settings};
use delivery::Delivery;
use event_loop::{EventLoop, LoopEnd};
use nix::unistd::{AccessFlags, access};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Instant;
use telemetry_config::consent;
use telemetry_runtime::consent_watch::{self, ConsentWatch};
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::instance::{InstanceError, InstanceLock};
use telemetry_runtime::poller::Poller;
use telemetry_runtime::privileges::DirectoryOwner;
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::Signals;
use telemetry_store::spool::{Daemon, Reader as SpoolReader, SpoolLock};
use unusable_spool::UnusableSpool;

/// Permissions of a spool (contract).
const SPOOL_MODE: u32 = 0o750;

/// Runs the daemon until a signal, the end of consent or idle time ends it.
///
/// # Errors
/// Why it cannot start or go on.
pub fn run(config_file: Option<&Path>) -> Result<(), DaemonError> {
    let mut settings = settings::load(config_file)?;
    check_consent(&settings)?;
    let mut uploads = Uploads::locate()?;
    let mut foreign_files = foreign::Files::new().map_err(ProcessError::system("epoll_create1"))?;
    if let Some(owner) = DirectoryOwner::of("spool_dir", &settings.spool_dir) {
        let run_error = |source| InstanceError::Io { path: settings.run_dir.clone(), source };
        owner.make_directory(&settings.run_dir).map_err(run_error).map_err(ProcessError::from)?;
        owner.become_him(&[])?;
    }
    let _lock = InstanceLock::acquire(&settings.run_dir, "telempostd").map_err(ProcessError::from)?;
    let signals = Signals::watch().map_err(ProcessError::system("signals"))?;
    let (mut wait, mut spool_lock) = (UnusableSpool::default(), None);
    loop {
        let delivered =
            deliver(config_file, &settings, &signals, &mut uploads, &mut foreign_files, &mut spool_lock);
        let end = match delivered {
            Err(error) if wait.is_worth_it(&error) => wait.wait(&error, config_file, &settings, &signals)?,
            end => {
                let end = end?;
                wait.end();
                Some(end)
            }
        };
        let Some(end) = end else { continue };
        match end {
            LoopEnd::Stopped => log::info!("stopped"),
            LoopEnd::Idle => log::info!("nothing to do; ends until there is"),
            LoopEnd::NoConsent(reason) => consent_watch::log_end(&reason),
            LoopEnd::SpoolReplaced => {
                let path = settings.spool_dir.display();
                log::warn!("spool_dir={path}: another directory is there now; records are sent from there");
                // The new one may have the number of the one that is gone.
                spool_lock = None;
                continue;
            }
            LoopEnd::Reconfigured(new) => {
                if new.run_dir != settings.run_dir {
                    log::warn!("run_dir has changed; that takes effect when telempostd is started again");
                }
                settings = *new;
                check_consent(&settings)?;
                log::info!("the configuration was read again");
                continue;
            }
        }
        readiness::stopping();
        return Ok(());
    }
}

fn check_consent(settings: &Settings) -> Result<(), DaemonError> {
    Ok(consent::check(&settings.etc_dir).map_err(ProcessError::from)?)
}

/// Delivers with these settings until something ends that.
fn deliver(
    config_file: Option<&Path>,
    settings: &Settings,
    signals: &Signals,
    uploads: &mut Uploads,
    foreign_files: &mut foreign::Files,
    spool_lock: &mut Option<SpoolLock>,
) -> Result<LoopEnd, DaemonError> {
    let consent =
        ConsentWatch::new(&settings.etc_dir).map_err(ProcessError::consent_watch(&settings.etc_dir))?;
    for (key, path, mode) in [
        ("state_dir", &settings.state_dir, 0o755),
        ("log_dir", &settings.log_dir, 0o750),
        ("spool_dir", &settings.spool_dir, SPOOL_MODE),
    ] {
        make_directory(path, mode).map_err(DaemonError::directory(key, path))?;
    }
    let unusable_spool = DaemonError::directory("spool_dir", &settings.spool_dir);
    let spool = SpoolReader::open(&settings.spool_dir).map_err(&unusable_spool)?;
    // A reload lets go of it at no time, in which another one could take it.
    if !spool_lock.as_ref().is_some_and(|lock| lock.is_of(&spool)) {
        *spool_lock = Some(SpoolLock::acquire(&spool, Daemon::Telempostd)?);
    }
    let now = Instant::now();
    let scanner =
        Scanner::new(&settings.spool_dir, settings.spool_process_interval, now).map_err(&unusable_spool)?;
    let mut event_loop = EventLoop {
        config_file,
        settings,
        poller: Poller::new().map_err(ProcessError::system("epoll_create1"))?,
        signals,
        consent,
        scanner,
        delivery: Delivery::new(settings, spool, uploads, foreign_files, now),
        idle_exit: IdleExit::new(settings.recycle_after, now),
        is_away: false,
        ending: None,
    };
    readiness::ready();
    event_loop.run()
}

fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    Ok(access(path, AccessFlags::W_OK | AccessFlags::X_OK)?)
}
