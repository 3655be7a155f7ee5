//! The daemons: they run, or something starts them when there is work.

use super::finding::Finding;
use super::ownership::{DaemonUser, name_of, process_owner};
use crate::installation::Installation;
use crate::services::{self, UnitState};
use crate::status::{DaemonStatus, Status};

/// The units that start a daemon when there is work for it, and its own.
const UNITS: [[&str; 2]; 2] =
    [["telemprobd.socket", "telemprobd.service"], ["telempostd.path", "telempostd.service"]];

/// Who starts a daemon that does not run.
#[derive(Clone, Debug)]
enum Starter {
    /// A person.
    Nobody,
    /// systemd cannot be asked, for this reason.
    Unknown(String),
    /// systemd, by the first unit; the second is the daemon's own.
    Systemd(UnitState, UnitState),
}

/// What else is known.
#[derive(Clone, Copy, Debug)]
struct Circumstances<'a> {
    opted_in: bool,
    /// Whether records wait for this daemon.
    has_work: bool,
    /// How to start it.
    start: &'a str,
}

pub(super) fn check(
    installation: &Installation,
    status: &Status,
    user: &DaemonUser,
    start: &str,
) -> Vec<Finding> {
    let is_managed = services::is_managed(installation);
    // Records may come at any time; telempostd has work while some wait.
    let has_work = [true, status.spool.records.is_none_or(|records| records > 0)];
    let mut findings = Vec::new();
    for ((daemon, units), has_work) in status.daemons.iter().zip(UNITS).zip(has_work) {
        let starter = if is_managed { starter_of(units) } else { Starter::Nobody };
        let circumstances = Circumstances { opted_in: status.consent.opted_in, has_work, start };
        let other_user = daemon.pid.and_then(process_owner).filter(|uid| *uid != user.uid);
        findings.push(match (daemon.running, daemon.pid, other_user) {
            (Some(true), Some(pid), Some(uid)) => judge_user(daemon.name, pid, uid, user, start),
            _ => judge(daemon, &starter, circumstances),
        });
    }
    findings
}

/// A daemon that runs as somebody else than it is made for.
fn judge_user(about: &'static str, pid: u32, uid: u32, user: &DaemonUser, start: &str) -> Finding {
    let (owner, name) = (name_of(uid), &user.name);
    let text = format!("runs as {owner} and not as {name}, pid {pid}: {name} cannot change what it makes");
    Finding::error(about, text, format!("`kill {pid}`, and as {name}: {start}"))
}

fn starter_of(units: [&str; 2]) -> Starter {
    match services::unit_states(&units) {
        Err(error) => Starter::Unknown(error),
        Ok(states) => match <[UnitState; 2]>::try_from(states) {
            Ok([starter, service]) => Starter::Systemd(starter, service),
            Err(_) => Starter::Unknown("systemctl said nothing".to_owned()),
        },
    }
}

fn judge(daemon: &DaemonStatus, starter: &Starter, circumstances: Circumstances<'_>) -> Finding {
    let Circumstances { opted_in, has_work, start } = circumstances;
    let about = daemon.name;
    match (daemon.running, daemon.pid) {
        (Some(true), Some(pid)) => return Finding::ok(about, format!("runs, pid {pid}")),
        (Some(true), None) => return Finding::ok(about, "runs"),
        (Some(false), _) => {}
        (None, _) => {
            return Finding::warning(
                about,
                "whether it runs cannot be seen by this user",
                "run this as root",
            );
        }
    }
    if !opted_in {
        return Finding::ok(about, "does not run, as it should be without consent");
    }
    match starter {
        Starter::Nobody if has_work => Finding::error(about, "does not run", start),
        Starter::Nobody => Finding::warning(about, "does not run; nothing waits for it", start),
        Starter::Unknown(reason) => {
            Finding::error(about, format!("does not run; {reason}"), "repair systemd first")
        }
        Starter::Systemd(starter, service) => judge_units(about, starter, service, start),
    }
}

fn judge_units(about: &'static str, starter: &UnitState, service: &UnitState, start: &str) -> Finding {
    for unit in [starter, service] {
        let name = &unit.name;
        if !unit.is_usable {
            let remedy = format!("install the units, or `systemctl unmask {name}`");
            return Finding::error(about, format!("does not run: {name} is not installed or masked"), remedy);
        }
        if unit.word == "failed" {
            let remedy = format!("`systemctl status {name}` says why");
            return Finding::error(about, format!("does not run: {name} has failed"), remedy);
        }
    }
    match starter.word.as_str() {
        "active" if !starter.starts_with_machine => Finding::warning(
            about,
            format!("does not run; {} starts it when there is work, but not with the machine", starter.name),
            format!("`systemctl enable {}`", starter.name),
        ),
        "active" => {
            Finding::ok(about, format!("does not run; {} starts it when there is work", starter.name))
        }
        word => Finding::error(about, format!("does not run, and {} is {word}", starter.name), start),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    fn found(running: Option<bool>, starter: &Starter, opted_in: bool, has_work: bool) -> Finding {
        let daemon =
            DaemonStatus { name: "telemprobd", running, pid: running.filter(|runs| *runs).map(|_| 9) };
        judge(&daemon, starter, Circumstances { opted_in, has_work, start: "start it" })
    }

    #[test]
    fn without_systemd() {
        for (running, opted_in, has_work, level, part) in [
            (Some(true), true, true, Level::Ok, "runs, pid 9"),
            (Some(false), true, true, Level::Error, "does not run; start it"),
            (Some(false), true, false, Level::Warning, "nothing waits for it; start it"),
            (Some(false), false, true, Level::Ok, "without consent"),
            (None, true, true, Level::Warning, "run this as root"),
        ] {
            assert_finding(&found(running, &Starter::Nobody, opted_in, has_work), level, part);
        }
        let unknown = Starter::Unknown("systemctl cannot be run".to_owned());
        assert_finding(&found(Some(false), &unknown, true, true), Level::Error, "systemctl cannot be run");
    }

    #[test]
    fn a_daemon_that_somebody_else_started() {
        let user = DaemonUser { uid: 7, name: "telemetry".to_owned() };
        let finding = judge_user("telemprobd", 9, 0, &user, "start it");
        assert_finding(&finding, Level::Error, "runs as root and not as telemetry, pid 9: telemetry cannot");
        assert_finding(&finding, Level::Error, "`kill 9`, and as telemetry: start it");
    }

    #[test]
    fn under_systemd() {
        let unit = |name: &str, (is_usable, word): (bool, &str)| UnitState {
            name: name.to_owned(),
            is_usable,
            starts_with_machine: word != "not enabled",
            word: word.replace("not enabled", "active"),
        };
        let (up, down, failed, gone) =
            ((true, "active"), (true, "inactive"), (true, "failed"), (false, "unknown"));
        for (starter, service, level, part) in [
            (up, down, Level::Ok, "d.socket starts it when there is work"),
            (
                (true, "not enabled"),
                down,
                Level::Warning,
                "not with the machine; `systemctl enable d.socket`",
            ),
            (down, down, Level::Error, "d.socket is inactive; start it"),
            (failed, down, Level::Error, "`systemctl status d.socket`"),
            (up, failed, Level::Error, "d.service has failed; `systemctl status d.service`"),
            (gone, down, Level::Error, "`systemctl unmask d.socket`"),
            (up, gone, Level::Error, "d.service is not installed or masked"),
        ] {
            let starter = Starter::Systemd(unit("d.socket", starter), unit("d.service", service));
            assert_finding(&found(Some(false), &starter, true, true), level, part);
        }
    }
}
