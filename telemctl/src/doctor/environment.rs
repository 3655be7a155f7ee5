//! Whether the samples that the configuration asks for are sent.

use super::finding::Finding;
use crate::environment::{PACKAGE, switched_on};
use crate::installation::Installation;
use crate::services::{self, UnitState};
use std::path::Path;
use telemetrics_generator::{TIMER_DROP_IN, machine_id, timer_of};
use telemetry_files::bounded_file;

const ABOUT: &str = "environment";

const TIMER: &str = "envprobe.timer";

/// Where systemd has generators put what packages bring.
const GENERATED: &str = "/run/systemd/generator";

/// Longest drop-in that is read: an interval of a minute more than a divisor of the day has some 700 times.
const DROP_IN_BYTES: u64 = 256 * 1024;

pub(super) fn check(installation: &Installation, opted_in: bool) -> Vec<Finding> {
    let environment = &installation.settings.environment;
    let Some(words) = switched_on(environment) else { return Vec::new() };
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
