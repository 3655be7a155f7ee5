//! `config check`: every line of the file that is wrong, has no effect, or not the one that it seems to have.

use crate::exit_code::{Failure, Outcome};
use crate::{installation, programs};
use std::io::Write;
use std::path::Path;
use telemetry_config::Configuration;
use telemetry_record::harmless::word;
use telemetry_runtime::config_warnings;

/// Prints a line for each, wrong values first. Fails if there is one.
pub(super) fn run(file: Option<&Path>, out: &mut dyn Write) -> Outcome {
    let configuration = installation::read_configuration(file)?;
    let faults = faults(&configuration);
    faults.iter().try_for_each(|fault| writeln!(out, "{}", word(fault))).map_err(Failure::Output)?;
    match faults.len() {
        0 => writeln!(out, "{}: nothing is wrong", configuration.source()).map_err(Failure::Output),
        1 => Err(Failure::message("the configuration has 1 fault")),
        number => Err(Failure::message(format!("the configuration has {number} faults"))),
    }
}

fn faults(configuration: &Configuration) -> Vec<String> {
    let wrong = installation::wrong_values(configuration);
    let wrong = wrong.iter().map(ToString::to_string);
    let odd = config_warnings::all(configuration, programs::keys()).into_iter().map(|oddity| oddity.line);
    wrong.chain(odd).collect()
}
