//! Whether the checks that are defined are run.

use super::finding::Finding;
use crate::check;
use crate::environment::{PACKAGE, has_checks};
use crate::installation::Installation;
use crate::services::{self, UnitState};

const ABOUT: &str = "checks";

const UNIT: &str = "checkprobe.service";

pub(super) fn check(installation: &Installation, opted_in: bool) -> Vec<Finding> {
    if !has_checks(&installation.settings.etc_dir) {
        return Vec::new();
    }
    let mut findings = running(installation, opted_in);
    findings.extend(check::faults(installation).unwrap_or_default().into_iter().map(|fault| {
        Finding::error(
            ABOUT,
            format!("{fault}; the others run"),
            "correct it, then `telemctl restart`; telemetrics-checks(5) has all keys",
        )
    }));
    findings
}

fn running(installation: &Installation, opted_in: bool) -> Vec<Finding> {
    if !opted_in {
        return vec![Finding::ok(ABOUT, "are defined in checks.d, and run after opt-in")];
    }
    if !services::is_managed(installation) {
        return vec![Finding::ok(ABOUT, "are defined in checks.d, and run when somebody runs checkprobe")];
    }
    match services::unit_states(&[UNIT]) {
        Ok(units) => units.first().map(judge).into_iter().collect(),
        Err(error) => vec![Finding::warning(ABOUT, error, "repair systemd first")],
    }
}

fn judge(unit: &UnitState) -> Finding {
    if !unit.is_usable {
        return Finding::error(
            ABOUT,
            format!("are defined in checks.d, but {UNIT} is not installed"),
            format!("install the package {PACKAGE}, or remove the definitions"),
        );
    }
    match unit.word.as_str() {
        "active" if unit.starts_with_machine => Finding::ok(ABOUT, "are run; `telemctl check` lists them"),
        "active" => Finding::warning(
            ABOUT,
            format!("are run, but {UNIT} does not start with the machine"),
            format!("`systemctl enable {UNIT}`"),
        ),
        "failed" => {
            Finding::error(ABOUT, format!("{UNIT} has failed"), format!("`systemctl status {UNIT}` says why"))
        }
        word => Finding::error(
            ABOUT,
            format!("are defined in checks.d, but {UNIT} is {word}"),
            "`telemctl start`; where none is without fault it ends, and its log says why",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_unit_that_does_not_run_the_checks() {
        for (word, is_usable, starts_with_machine, level, part) in [
            ("active", true, true, Level::Ok, "are run"),
            ("active", true, false, Level::Warning, "`systemctl enable checkprobe.service`"),
            ("failed", true, true, Level::Error, "`systemctl status checkprobe.service`"),
            ("inactive", true, true, Level::Error, "is inactive; `telemctl start`"),
            ("inactive", false, false, Level::Error, "install the package telemetrics-environment"),
        ] {
            let unit =
                UnitState { name: UNIT.to_owned(), is_usable, starts_with_machine, word: word.to_owned() };
            assert_finding(&judge(&unit), level, part);
        }
    }
}
