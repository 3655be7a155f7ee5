//! Start and end: what must hold before the loop runs, and what follows when it ends.

mod event_loop;

use crate::daemon::event_loop::{End, EventLoop};
use crate::dispatch::Dispatch;
use crate::exchange::upload::Upload;
use crate::scan::Survey;
use crate::settings::{self, Settings};
use nix::unistd::{AccessFlags, access};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Instant;
use telemetry_config::consent;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::instance::InstanceLock;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::Signals;
use telemetry_store::spool::Reader;

/// Runs the daemon until it ends as it should.
///
/// # Errors
/// Why it can not run: one line that names the thing, the reason and what to do.
pub fn run(config_file: Option<&Path>) -> Result<(), String> {
    let mut settings = settings::load(config_file)?;
    check_consent(&settings)?;
    let mut upload = Upload::locate()?;
    let _lock = InstanceLock::acquire(&settings.run_dir, "telempostd").map_err(|error| error.to_string())?;
    let signals = Signals::watch().map_err(|error| format!("signals can not be watched: {error}"))?;
    loop {
        let end = deliver(config_file, &settings, &signals, &mut upload)?;
        match end {
            End::Stopped => log::info!("stopped"),
            End::Idle => log::info!("nothing to do; ends until there is"),
            End::ConsentWithdrawn => log::info!("telemetry is no longer opted in; ends"),
            End::SpoolGone => {
                log::warn!("spool_dir={}: is gone; made anew", settings.spool_dir.display());
                continue;
            }
            End::Reconfigured(new) => {
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

fn check_consent(settings: &Settings) -> Result<(), String> {
    if consent::is_opted_in(&settings.etc_dir) {
        return Ok(());
    }
    let path = consent::opt_in_path(&settings.etc_dir);
    Err(format!("{} is not there: telemetry is not opted in; run `telemctl opt-in` first", path.display()))
}

/// Delivers with these settings until something ends that.
fn deliver(
    config_file: Option<&Path>,
    settings: &Settings,
    signals: &Signals,
    upload: &mut Upload,
) -> Result<End, String> {
    let consent = ConsentWatch::new(&settings.etc_dir)
        .map_err(|error| format!("etc_dir={}: can not be watched: {error}", settings.etc_dir.display()))?;
    let unusable = |key: &str, path: &Path, error: io::Error| {
        format!(
            "{key}={}: {error}; it must be writable for the daemon's user, or name another",
            path.display()
        )
    };
    for (key, path, mode) in
        [("state_dir", &settings.state_dir, 0o755), ("log_dir", &settings.log_dir, 0o750)]
    {
        make_directory(path, mode).map_err(|error| unusable(key, path, error))?;
    }
    let spool_dir = &settings.spool_dir;
    let unusable_spool = |error| unusable("spool_dir", spool_dir, error);
    make_directory(spool_dir, 0o750).map_err(unusable_spool)?;
    let spool = Reader::open(spool_dir).map_err(unusable_spool)?;
    let now = Instant::now();
    let survey = Survey::new(spool_dir, settings.spool_process_interval, now).map_err(unusable_spool)?;
    let mut event_loop = EventLoop {
        config_file,
        settings,
        signals,
        consent,
        survey,
        dispatch: Dispatch::new(settings, spool, upload),
        lifetime: IdleExit::new(settings.recycle_after, now),
        ending: None,
    };
    readiness::ready();
    event_loop.run()
}

fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    Ok(access(path, AccessFlags::W_OK | AccessFlags::X_OK)?)
}
