//! `doctor`: looks for what is wrong, and says the remedy of each finding.
//!
//! Each room below gathers its facts at the edge and judges them in a function of values. Nothing is
//! changed, no daemon is started, and the server is connected to only where consent is given.

mod checks;
mod clock;
mod configuration;
mod consent;
mod copies;
mod crashes;
mod daemons;
mod delivery;
mod directories;
mod disk;
mod environment;
mod finding;
mod forget;
mod inotify;
mod list;
mod ownership;
mod probes;
mod pull;
mod server;
mod socket;
mod spool;
mod trust;
mod units;

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::services;
use crate::settings::Settings;
use crate::status::{Status, plural};
use crate::steady_time::SteadyTime;
use finding::{Finding, Level};
use ownership::DaemonUser;
use serde::Serialize;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry_record::harmless::word;
use telemetry_store::spool::SpoolDir;

/// Width of the levels on the left.
const LEVEL_WIDTH: usize = 7;

/// How long one step may take. The server's, which is the longest, bounds itself to less.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

/// What was found. The names are those of `--json`, documented in `telemctl doctor --help`.
#[derive(Debug, Serialize)]
struct DoctorReport {
    findings: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

/// Finds what is wrong with an installation and prints it, for people or as JSON. Fails if a finding is an error.
pub(crate) fn run<L>(load: L, json: bool, out: &mut dyn Write) -> Outcome
where
    L: FnOnce() -> Result<Installation, Failure> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    // In a thread, since nothing ends a call that a file system does not answer; it ends with this process.
    thread::spawn(move || {
        let steps = Steps(sender);
        match steps.begin("configuration", load) {
            Ok(installation) => examine(&installation, &steps),
            Err(failure) => steps.found([configuration::unusable(&failure)]),
        }
    });
    print_report(&DoctorReport::new(collect(&receiver, STEP_TIMEOUT)), json, out)
}

fn print_report(report: &DoctorReport, json: bool, out: &mut dyn Write) -> Outcome {
    let printed = if json {
        crate::json::print(report, out)
    } else {
        report.findings.iter().try_for_each(|finding| print(finding, out))
    };
    printed.map_err(Failure::Output)?;
    match report.errors {
        0 => Ok(()),
        errors => Err(Failure::message(format!("doctor found {}", plural(errors as u64, "error")))),
    }
}

/// What the examination is at.
#[derive(Debug)]
enum Step {
    /// Something is begun that may take long.
    Begins(&'static str),
    /// It was examined.
    Found(Finding),
}

/// The examination's end of the channel. That nobody listens any more is no fault: the report is printed.
struct Steps(Sender<Step>);

impl Steps {
    fn begin<T>(&self, about: &'static str, examine: impl FnOnce() -> T) -> T {
        let _ = self.0.send(Step::Begins(about));
        examine()
    }

    fn found(&self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let _ = self.0.send(Step::Found(finding));
        }
    }

    fn step<F: IntoIterator<Item = Finding>>(&self, about: &'static str, examine: impl FnOnce() -> F) {
        let findings = self.begin(about, examine);
        self.found(findings);
    }
}

/// The findings until the end, or until a step takes too long.
fn collect(steps: &Receiver<Step>, timeout: Duration) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut current = "doctor";
    loop {
        match steps.recv_timeout(timeout) {
            Ok(Step::Begins(about)) => current = about,
            Ok(Step::Found(finding)) => findings.push(finding),
            Err(RecvTimeoutError::Disconnected) => return findings,
            Err(RecvTimeoutError::Timeout) => {
                let text = format!(
                    "the system has not answered within {} s, as when a file system hangs; what follows was not examined",
                    timeout.as_secs()
                );
                findings.push(Finding::error(
                    current,
                    text,
                    "`dmesg` and `findmnt` help to find it; then run this again",
                ));
                return findings;
            }
        }
    }
}

fn examine(installation: &Installation, steps: &Steps) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let settings = &installation.settings;
    let status = steps.begin("status", || Status::from_installation(installation, now));
    let user = DaemonUser::from_installation(installation, &status);
    let opted_in = status.consent.opted_in;
    let has_daemons = status.daemons.iter().any(|daemon| daemon.running == Some(true));
    let start = if services::is_managed(installation) {
        "`telemctl start`".to_owned()
    } else {
        format!("start the daemons with {}", installation.by_hand())
    };
    steps.step("consent", || [consent::check(&status.consent, installation.is_private, &user)]);
    steps.step("configuration", || configuration::check(installation, &status.config, &user));
    steps.step("directories", || directories::check(installation, opted_in, has_daemons, &user));
    steps.step("units", || units::check(installation));
    steps.step("daemons", || daemons::check(installation, &status, &user, &start));
    if opted_in {
        let watched = [("etc_dir", &settings.etc_dir), ("spool_dir", &settings.spool_dir)];
        steps
            .step("inotify", || watched.into_iter().find_map(|(key, path)| inotify::check(key, path, &user)));
    }
    steps.step("socket", || [socket::check(&status.socket, opted_in, &user, &start)]);
    steps.step("spool", || spool::check(settings, &status, now));
    steps.step("copies", || copies::judge(&status.server.copies, settings.copy_max_bytes, now));
    steps.step("delivery", || [delivery::judge(&status.delivery, now)]);
    if !installation.has_wrong_value("server") {
        steps.step("server", || server::certificates(settings, &user));
        let urls = settings.servers.iter().map(|server| &server.url);
        // Each takes its time.
        for url in urls.chain(settings.servers.is_empty().then_some(&settings.server.url)) {
            steps.step("server", || [server::check(url, settings, opted_in)]);
        }
    }
    steps.step("server", || list::judge(&status.server.list, now));
    steps.step("trust", || trust::check(installation, opted_in, now));
    steps.step("forget", || forget::check(&settings.state_dir, now));
    for (about, error) in [("counters", &status.counters_error), ("crashes", &status.crashes.error)] {
        steps.found(error.as_deref().map(|error| Finding::unseen(about, error)));
    }
    steps.step("crashes", || [crashes::check(installation, opted_in)]);
    steps.step("probes", || probes::check(installation, &status));
    steps.step("environment", || environment::check(installation, opted_in, &user));
    steps.step("pull", || pull::check(installation, opted_in, &user, now));
    steps.step("checks", || checks::check(installation, opted_in));
    steps.step("clock", || {
        let spoils_tls = delivery::is_about_certificate(&status.delivery) && !is_clock_synchronised(settings);
        [clock::judge(now, status.delivery.updated_unix_secs, spoils_tls)]
    });
}

/// Where the spool cannot be seen, the clock gets the benefit of the doubt.
fn is_clock_synchronised(settings: &Settings) -> bool {
    let spool = SpoolDir::open(&settings.spool_dir);
    spool.map_or(true, |spool| SteadyTime::of_spool(&spool).is_synchronised())
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
    fn what_hangs_is_named_and_the_rest_is_reported() {
        let (sender, receiver) = mpsc::channel();
        let steps = Steps(sender);
        steps.step("consent", || [Finding::ok("consent", "given")]);
        steps.begin("spool", || {});
        let found = collect(&receiver, Duration::from_millis(10));
        let [consent, hung] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(consent, &Finding::ok("consent", "given"));
        finding::assert_finding(hung, Level::Error, "has not answered within 0 s");
        assert_eq!(hung.about, "spool");
        steps.found([Finding::ok("clock", "right")]);
        drop(steps);
        assert_eq!(collect(&receiver, STEP_TIMEOUT), [Finding::ok("clock", "right")]);
    }

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
