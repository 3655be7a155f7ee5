//! The probes that follow a log: systemd runs them, and they are heard.

use super::finding::Finding;
use crate::installation::Installation;
use crate::services::{self, UnitState};
use crate::status::{ProbeStatus, Status};

/// The units that go on while the machine runs, each with the probe that it runs.
const UNITS: [(&str, &str); 2] =
    [("klogscanner", "klogscanner.service"), ("journalprobe", "journal-probe-tail.service")];

pub(super) fn check(installation: &Installation, status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    if status.consent.opted_in && services::is_managed(installation) {
        let units = services::unit_states(&UNITS.map(|(_, unit)| unit)).unwrap_or_default();
        findings.extend(UNITS.iter().zip(&units).filter_map(|((about, _), unit)| judge_unit(about, unit)));
    }
    findings.extend(status.probes.iter().map(judge_book));
    findings
}

/// None where there is nothing to say: the unit need not be installed, and its conditions need not hold.
fn judge_unit(about: &'static str, unit: &UnitState) -> Option<Finding> {
    let name = &unit.name;
    match unit.word.as_str() {
        "active" if !unit.starts_with_machine => Some(Finding::warning(
            about,
            "runs, but does not start with the machine",
            format!("`systemctl enable {name}`"),
        )),
        "active" => Some(Finding::ok(about, "runs")),
        "failed" if unit.is_usable => Some(Finding::error(
            about,
            format!("{name} has failed"),
            format!("`systemctl status {name}` says why"),
        )),
        _ => None,
    }
}

fn judge_book(probe: &ProbeStatus) -> Finding {
    match probe.trouble() {
        Some(trouble) if probe.error.is_some() => Finding::unseen(probe.name, &trouble),
        Some(trouble) => {
            let is_held_up = probe.waiting.max(probe.left_out) > Some(0);
            let remedy = if is_held_up {
                "telemprobd has to run and to take them"
            } else {
                "a probe that starts with the machine reads in time, and `log_buf_len=` keeps more of the kernel's log"
            };
            Finding::warning(probe.name, trouble, remedy)
        }
        None => Finding::ok(probe.name, "has reported what it found"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_unit_that_should_run() {
        let unit = |word: &str, is_usable, starts_with_machine| UnitState {
            name: "k.service".to_owned(),
            is_usable,
            starts_with_machine,
            word: word.to_owned(),
        };
        for (unit, level, part) in [
            (unit("active", true, true), Level::Ok, "runs"),
            (unit("active", true, false), Level::Warning, "`systemctl enable k.service`"),
            (unit("failed", true, true), Level::Error, "`systemctl status k.service`"),
        ] {
            assert_finding(&judge_unit("k", &unit).unwrap(), level, part);
        }
        assert!(judge_unit("k", &unit("inactive", true, true)).is_none());
        assert!(judge_unit("k", &unit("failed", false, false)).is_none());
    }
}
