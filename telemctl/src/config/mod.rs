//! `config`: what holds and where it comes from, what is wrong with it, and changing one value.

mod check;
mod edit;
mod lock;
mod set;
mod show;

use crate::cli::{ConfigArguments, ConfigCommand};
use crate::exit_code::Outcome;
use std::io::Write;
use std::path::Path;

/// Runs the command on this file, or on the system's.
pub(crate) fn run(file: Option<&Path>, arguments: &ConfigArguments, out: &mut dyn Write) -> Outcome {
    match &arguments.command {
        None => show::run(file, arguments.format.json, out),
        Some(ConfigCommand::Show(format)) => show::run(file, format.json, out),
        Some(ConfigCommand::Check) => check::run(file, out),
        Some(ConfigCommand::Set { key, value }) => set::run(file, key, value, out),
    }
}
