//! `start`, `stop`, `restart` and `is-active`: through systemd for the system's installation. A private
//! instance, and a machine without systemd, have nobody who runs the daemons: then a person does.

mod places;
mod plan;
mod systemctl;

use crate::exit_code::{Failure, Outcome};
use crate::installation::{DAEMONS, Installation};
use crate::work_directories;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
pub(crate) use places::Misfit;
use plan::Action;
use std::fs;
use std::io::Write;
use std::path::Path;
use systemctl::Systemctl;
use telemetry_config::consent;
use telemetry_record::harmless::word;
use telemetry_runtime::instance;
use telempull_answers::settings::SERVICE as PULL_DAEMON;

/// There while systemd is the machine's init (see `sd_booted`(3)).
const SYSTEMD_MARK: &str = "/run/systemd/system";

/// Starts what listens and what follows logs; refused before opt-in.
pub(crate) fn start(installation: &Installation) -> Outcome {
    after_opt_in(installation, Action::Start)
}

/// Stops everything and starts it again; refused before opt-in, and then nothing is stopped.
pub(crate) fn restart(installation: &Installation) -> Outcome {
    after_opt_in(installation, Action::Restart)
}

/// Stops everything.
pub(crate) fn stop(installation: &Installation) -> Outcome {
    through_systemd(installation, Action::Stop)
}

fn after_opt_in(installation: &Installation, action: Action) -> Outcome {
    consent::check(&installation.settings.etc_dir)?;
    through_systemd(installation, action)
}

fn through_systemd(installation: &Installation, action: Action) -> Outcome {
    if !is_managed(installation) {
        return Err(Failure::message(unmanaged(installation, action)));
    }
    match action {
        Action::Stop => plan::run(action, &Systemctl::default()),
        Action::Start | Action::Restart => run_at_places(installation, action),
    }
    .map_err(Failure::Message)
}

/// Has systemd start everything, whatever the consent.
pub(crate) fn start_units(installation: &Installation) -> Result<(), String> {
    run_at_places(installation, Action::Start)
}

/// Starts units that know where the configuration has everything. Those that run elsewhere start anew.
fn run_at_places(installation: &Installation, action: Action) -> Result<(), String> {
    let systemctl = Systemctl::default();
    let has_changed = places::apply(&installation.settings, &systemctl)?;
    if !has_changed {
        plan::read_generated(&systemctl)?;
    }
    work_directories::make(installation)?;
    plan::run(if has_changed { Action::Restart } else { action }, &systemctl)
}

/// Writes what systemd's units need to know of the configuration, and starts nothing: after an upgrade that brought other
/// units. Where consent is given the directories of new services are made, too, without which they could not start. Without
/// systemd, and for a private instance, there is nothing to write.
pub(crate) fn write_units(installation: &Installation) -> Outcome {
    if !is_managed(installation) {
        return Ok(());
    }
    places::apply(&installation.settings, &Systemctl::default()).map_err(Failure::Message)?;
    if consent::is_opted_in(&installation.settings.etc_dir) {
        work_directories::make(installation).map_err(Failure::Message)?;
    }
    Ok(())
}

/// The files of systemd that do not fit the configuration.
pub(crate) fn misfits(installation: &Installation) -> Result<Vec<Misfit>, String> {
    places::misfits(&installation.settings, &Systemctl::default())
}

/// What a unit of systemd has as this property, whoever said so.
pub(crate) fn unit_property(unit: &str, name: &str) -> Result<String, String> {
    Systemctl::default().property(unit, name)
}

/// Has systemd no longer start telempostd for the records that wait: without consent, and before they are removed, it
/// would do so in vain, again and again. What goes wrong here goes wrong in [`stop_units_permanently`] too, and is reported.
pub(crate) fn stop_waiting_for_records() {
    plan::wait_for_records(&Systemctl::default(), "stop");
}

/// Takes [`stop_waiting_for_records`] back, since the consent stays.
pub(crate) fn wait_for_records_again() {
    plan::wait_for_records(&Systemctl::default(), "start");
}

/// Has systemd go on with the request to forget, or no longer.
pub(crate) fn go_on_forgetting(is_pending: bool) -> Result<(), String> {
    plan::forget_timer(&Systemctl::default(), if is_pending { "start" } else { "stop" })
}

/// Has systemd stop everything, and forget what has failed.
pub(crate) fn stop_units_permanently() -> Result<(), String> {
    let systemctl = Systemctl::default();
    let stopped = plan::run(Action::Stop, &systemctl);
    plan::forget_failures(&systemctl);
    stopped
}

/// Whether systemd runs the daemons of this installation.
pub(crate) fn is_managed(installation: &Installation) -> bool {
    !installation.is_private && Path::new(SYSTEMD_MARK).exists()
}

/// Why systemd does not help, and what to do instead.
fn unmanaged(installation: &Installation, action: Action) -> String {
    let why = if installation.is_private {
        "systemd does not run the daemons of a private instance"
    } else {
        "systemd is not running here"
    };
    let pids: Vec<_> = residents(installation).into_iter().map(|(_, pid)| pid.to_string()).collect();
    let start = format!("start the daemons by hand with {}", installation.by_hand());
    let stop = (!pids.is_empty()).then(|| format!("stop them with `kill {}`", pids.join(" ")));
    match (action, stop) {
        (Action::Stop, Some(stop)) => format!("{why}; {stop}"),
        (Action::Stop, None) => format!("{why}, and no daemon runs"),
        (_, Some(stop)) => format!("{why}; {start}; {stop}"),
        (_, None) => format!("{why}; {start}"),
    }
}

/// The daemons that run, with their process ids. One whose lock cannot be read counts as not running.
pub(crate) fn running(installation: &Installation) -> Vec<(&'static str, u32)> {
    let pid = |name| instance::running_pid(&installation.settings.run_dir, name).ok().flatten();
    DAEMONS.into_iter().filter_map(|name| Some((name, pid(name)?))).collect()
}

/// The same, and what answers those who ask how the machine is, which has no part in the spool.
pub(crate) fn residents(installation: &Installation) -> Vec<(&'static str, u32)> {
    let pid = instance::running_pid(&installation.settings.run_dir, PULL_DAEMON).ok().flatten();
    running(installation).into_iter().chain(pid.map(|pid| (PULL_DAEMON, pid))).collect()
}

/// Sends a signal to a daemon. The process id comes from a file of the daemon's user, so that it is checked first:
/// root must not be led to signal something else.
pub(crate) fn send_signal(name: &str, pid: u32, signal: Signal) -> Result<(), Errno> {
    let process = i32::try_from(pid).ok().filter(|pid| *pid > 1).map(Pid::from_raw).ok_or(Errno::ESRCH)?;
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).map_err(|_| Errno::ESRCH)?;
    if comm.trim_end() != name {
        return Err(Errno::ESRCH);
    }
    kill(process, signal)
}

/// A unit as systemd has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitState {
    pub(crate) name: String,
    /// Whether it is installed and not masked.
    pub(crate) is_usable: bool,
    /// Whether it is started when the machine is, or by what is.
    pub(crate) starts_with_machine: bool,
    /// systemd's word: `active`, `inactive`, `failed`.
    pub(crate) word: String,
}

/// What systemd has of these units.
pub(crate) fn unit_states(names: &[&str]) -> Result<Vec<UnitState>, String> {
    let systemctl = Systemctl::default();
    let usable = systemctl.usable_units(names)?;
    let state = |name: &&str| {
        let file = usable.iter().find(|file| file.name == *name);
        Ok(UnitState {
            name: (*name).to_owned(),
            is_usable: file.is_some(),
            starts_with_machine: file.is_some_and(|file| !file.is_disabled),
            word: systemctl.active_word(name)?,
        })
    };
    names.iter().map(state).collect()
}

/// Prints a line a daemon. The words are systemd's, of what starts the daemon when there is work: it is active on an idle
/// machine, too. The exit code says nothing about them, as scripts around the C program expect.
pub(crate) fn is_active(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let words = if is_managed(installation) {
        plan::activator_words(&Systemctl::default()).map_err(Failure::Message)?
    } else {
        DAEMONS.map(|name| (name, word_of_lock(installation, name)))
    };
    for (name, word) in words {
        writeln!(out, "{name} : {word}").map_err(Failure::Output)?;
    }
    Ok(())
}

fn word_of_lock(installation: &Installation, name: &str) -> String {
    match instance::running_pid(&installation.settings.run_dir, name) {
        Ok(Some(_)) => "active".to_owned(),
        Ok(None) => "inactive".to_owned(),
        Err(error) => {
            let run_dir = installation.settings.run_dir.display().to_string();
            eprintln!("telemctl: {}: {error}", word(&run_dir));
            "unknown".to_owned()
        }
    }
}
