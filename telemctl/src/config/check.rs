//! `config check`: every line of the file that is wrong, or has no effect.

use crate::exit_code::{Failure, Outcome};
use crate::harmless::word;
use crate::installation;
use std::io::Write;
use std::path::Path;
use telemetry_config::{ConfigError, Configuration};
use telemetry_runtime::config_warnings::with_nearest;

/// Prints a line for each, in the order of the file. Fails if there is one.
pub(super) fn run(file: Option<&Path>, out: &mut dyn Write) -> Outcome {
    let configuration = installation::read_configuration(file)?;
    let faults = faults(&configuration);
    faults.iter().try_for_each(|fault| writeln!(out, "{}", word(fault))).map_err(Failure::Output)?;
    match faults.len() {
        0 => writeln!(out, "{}: nothing is wrong", configuration.source()).map_err(Failure::Output),
        1 => Err(Failure::told("the configuration has 1 fault")),
        number => Err(Failure::told(format!("the configuration has {number} faults"))),
    }
}

fn faults(configuration: &Configuration) -> Vec<String> {
    let line_of = |error: &ConfigError| match error {
        ConfigError::Value { line, .. } => line.unwrap_or_default(),
        _ => 0,
    };
    let wrong = installation::wrong_values(configuration);
    let wrong = wrong.iter().map(|error| (line_of(error), error.to_string()));
    let warnings = configuration.warnings();
    let warnings = warnings.iter().map(|warning| (warning.line, with_nearest(warning)));
    let mut faults: Vec<_> = wrong.chain(warnings).collect();
    faults.sort();
    faults.into_iter().map(|(_, text)| text).collect()
}
