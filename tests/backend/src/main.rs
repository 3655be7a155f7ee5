//! The collector's program: reads the command line, runs, and turns the result into an exit code.
use std::process::ExitCode;

use clap::Parser;
use telem_collector::cli::Options;

fn main() -> ExitCode {
    let (args, warnings) = match telem_collector::config_file::expand(std::env::args_os().collect()) {
        Ok(expanded) => expanded,
        Err(error) => {
            eprintln!("telem-collector: {error}");
            return ExitCode::FAILURE;
        }
    };
    for warning in warnings {
        eprintln!("telem-collector: {warning}");
    }
    match telem_collector::run(Options::parse_from(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("telem-collector: {error}");
            ExitCode::FAILURE
        }
    }
}
