//! Whether the samples that the configuration asks for are sent.

use super::finding::Finding;
use super::ownership::{DaemonUser, Seen, Who, closed_directory, is_readable};
use crate::environment::{PACKAGE, switched_on};
use crate::installation::Installation;
use crate::services::{self, UnitState};
use crate::settings::Environment;
use std::path::Path;
use telemetrics_generator::{GENERATED, TIMER_DROP_IN, machine_id, timer_of};
use telemetry_config::environment::Readings;
use telemetry_files::bounded_file;

const ABOUT: &str = "environment";

const TIMER: &str = "envprobe.timer";

/// Longest drop-in that is read: an interval of a minute more than a divisor of the day has some 700 times.
const DROP_IN_BYTES: u64 = 256 * 1024;

pub(super) fn check(installation: &Installation, opted_in: bool, user: &DaemonUser) -> Vec<Finding> {
    let environment = &installation.settings.environment;
    let Some(words) = switched_on(environment) else { return Vec::new() };
    let mut findings = sending(installation, opted_in, words);
    findings.extend(certificates(environment, user));
    findings
}

/// What is asked for, and cannot be read.
fn certificates(environment: &Environment, user: &DaemonUser) -> Vec<Finding> {
    if !environment.readings.contains(&Readings::Certificates) {
        return Vec::new();
    }
    if environment.certificate_files.is_empty() {
        return vec![Finding::warning(
            ABOUT,
            "environment_readings has certificates, but certificate_files names none",
            "`telemctl config set certificate_files FILE`, or take certificates out of environment_readings",
        )];
    }
    let who = Who::User(user.uid);
    // What a pattern fits is what can be read of it.
    let named = environment.certificate_files.iter().filter(|file| !file.contains(['*', '?', '[']));
    let unreadable = named.filter_map(|file| {
        let path = Path::new(file);
        match Seen::at(path) {
            Seen::Missing => Some((file, "is not there".to_owned(), "correct certificate_files".to_owned())),
            Seen::There(_) if closed_directory(path, who).is_some() || !is_readable(path, who) => Some((
                file,
                format!("cannot be read by {}", user.name),
                format!("`setfacl -m u:{}:r {file}`, and its directories for entering", user.name),
            )),
            _ => None,
        }
    });
    unreadable
        .map(|(file, what, remedy)| {
            Finding::warning(
                ABOUT,
                format!("the certificate {file} {what}, so that its end is not known"),
                remedy,
            )
        })
        .collect()
}

fn sending(installation: &Installation, opted_in: bool, words: String) -> Vec<Finding> {
    let environment = &installation.settings.environment;
    if !opted_in {
        return vec![Finding::ok(ABOUT, format!("after opt-in, {words}"))];
    }
    if !services::is_managed(installation) {
        return vec![Finding::ok(ABOUT, format!("when somebody runs envprobe, {words}"))];
    }
    let there = bounded_file::read_head(&Path::new(GENERATED).join(TIMER_DROP_IN), DROP_IN_BYTES);
    let expected = environment.interval.map(|interval| timer_of(interval, &machine_id()));
    let fits = there.ok() == expected.map(String::into_bytes);
    match services::unit_states(&[TIMER]) {
        Ok(units) => units.first().map(|unit| judge(unit, fits, &words)).into_iter().collect(),
        Err(error) => vec![Finding::warning(ABOUT, error, "repair systemd first")],
    }
}

fn judge(unit: &UnitState, fits: bool, words: &str) -> Finding {
    if !unit.is_usable {
        return Finding::error(
            ABOUT,
            format!("{words}, says the configuration, but {TIMER} is not installed"),
            format!("install the package {PACKAGE}, or set environment_interval to 0"),
        );
    }
    let restart = "`telemctl restart` fits it to the configuration";
    match unit.word.as_str() {
        "active" if !fits => {
            Finding::error(ABOUT, format!("{TIMER} has another interval than the configuration"), restart)
        }
        "active" if !unit.starts_with_machine => Finding::warning(
            ABOUT,
            format!("{words}, but {TIMER} does not start with the machine"),
            format!("`systemctl enable {TIMER}`"),
        ),
        "active" => Finding::ok(ABOUT, words),
        word => {
            Finding::error(ABOUT, format!("{words}, says the configuration, but {TIMER} is {word}"), restart)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_timer_that_does_not_do_what_the_key_says() {
        let unit = |word: &str, is_usable, starts_with_machine| UnitState {
            name: TIMER.to_owned(),
            is_usable,
            starts_with_machine,
            word: word.to_owned(),
        };
        for (unit, fits, level, part) in [
            (unit("active", true, true), true, Level::Ok, "a sample"),
            (
                unit("active", true, true),
                false,
                Level::Error,
                "another interval than the configuration; `telemctl restart`",
            ),
            (unit("active", true, false), true, Level::Warning, "`systemctl enable envprobe.timer`"),
            (unit("inactive", true, true), true, Level::Error, "is inactive; `telemctl restart`"),
            (
                unit("inactive", false, false),
                false,
                Level::Error,
                "install the package telemetrics-environment",
            ),
        ] {
            assert_finding(&judge(&unit, fits, "a sample"), level, part);
        }
    }
}
