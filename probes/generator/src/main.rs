//! A systemd generator: see systemd.generator(7). systemd gives three directories, of which the first is for what packages
//! bring.

use std::path::PathBuf;
use std::process::ExitCode;
use telemetrics_generator::{files, machine_id, write};
use telemetry_config::Configuration;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: telemetrics-generator DIRECTORY [EARLY LATE]; systemd runs it");
        return ExitCode::FAILURE;
    };
    let made = Configuration::load(None)
        .and_then(|configuration| files(&configuration, &machine_id()))
        .map_err(|error| error.to_string())
        .and_then(|files| {
            write(&directory, &files).map_err(|error| format!("{}: {error}", directory.display()))
        });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("telemetrics-generator: {error}; the services that follow from it do not run");
            ExitCode::FAILURE
        }
    }
}
