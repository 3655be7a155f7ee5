//! `doctor`: looks for what is wrong, and says the remedy of each finding.
//!
//! Each room below gathers its facts at the edge and judges them in a function of values. Nothing is
//! changed, no daemon is started, and the server is connected to only where consent is given.

mod clock;
mod configuration;
mod consent;
mod crashes;
mod daemons;
mod delivery;
mod directories;
mod finding;
mod ownership;
mod probes;
mod server;
mod socket;
mod spool;

use crate::exit_code::{Failure, Outcome};
use crate::harmless::word;
use crate::installation::Installation;
use crate::services;
use crate::status::{Status, plural};
use finding::{Finding, Level};
use ownership::DaemonUser;
use serde::Serialize;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Width of the levels on the left.
const LEVEL_WIDTH: usize = 7;

/// What was found. The names are those of `--json`, documented in `telemctl doctor --help`.
#[derive(Debug, Serialize)]
struct DoctorReport {
    findings: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

/// Prints the findings, for people or as JSON. Fails if one of them is an error.
pub(crate) fn run(installation: &Installation, json: bool, out: &mut dyn Write) -> Outcome {
    print_report(&DoctorReport::new(examine(installation)), json, out)
}

/// Prints the one finding that a configuration leaves which cannot be used, for this reason.
pub(crate) fn report_unusable(reason: &str, json: bool, out: &mut dyn Write) -> Outcome {
    print_report(&DoctorReport::new(vec![configuration::unusable(reason)]), json, out)
}

fn print_report(report: &DoctorReport, json: bool, out: &mut dyn Write) -> Outcome {
    let printed = if json {
        serde_json::to_writer_pretty(&mut *out, report).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        report.findings.iter().try_for_each(|finding| print(finding, out))
    };
    printed.map_err(Failure::Output)?;
    match report.errors {
        0 => Ok(()),
        errors => Err(Failure::message(format!("doctor found {}", plural(errors as u64, "error")))),
    }
}

fn examine(installation: &Installation) -> Vec<Finding> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let status = Status::from_installation(installation, now);
    let settings = &installation.settings;
    let user = DaemonUser::from_installation(installation, &status);
    let opted_in = status.consent.opted_in;
    let start = if services::is_managed(installation) {
        "`telemctl start`".to_owned()
    } else {
        format!("start the daemons with {}", installation.by_hand())
    };
    let mut findings = consent::check(&status.consent);
    findings.extend(configuration::check(installation, &status.config, &user));
    findings.extend(directories::check(installation, opted_in, &user));
    findings.extend(daemons::check(installation, &status, &start));
    findings.push(socket::check(&status.socket, opted_in, &user, &start));
    findings.extend(spool::check(settings, &status.spool, now));
    findings.push(delivery::judge(&status.delivery, now));
    if !installation.has_wrong_value("server") {
        findings.push(server::check(settings, opted_in));
    }
    findings.push(crashes::check(installation, opted_in));
    findings.extend(probes::check(installation, &status));
    findings.push(clock::judge(now, status.delivery.updated_unix_secs));
    findings
}

fn print(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let Finding { level, about, text, remedy } = finding;
    let remedy = remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    writeln!(out, "{:<LEVEL_WIDTH$} {about}: {}", level.name(), word(&format!("{text}{remedy}")))
}

impl DoctorReport {
    fn new(findings: Vec<Finding>) -> Self {
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        Self { findings, errors, warnings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_harmless() {
        let findings = vec![
            Finding::ok("consent", "given"),
            Finding::warning("delivery", "said\n\u{1b}[2J", "wait"),
            Finding::error("clock", "stands", "set it"),
        ];
        let mut out = Vec::new();
        for finding in &findings {
            print(finding, &mut out).unwrap();
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\
ok      consent: given
warning delivery: said\\u{a}\\u{1b}[2J; wait
error   clock: stands; set it
"
        );
        let report = DoctorReport::new(findings);
        assert_eq!((report.errors, report.warnings), (1, 1));
    }
}
