//! The collector's program: reads the command line, runs, and turns the result into an exit code.
use std::process::ExitCode;

use clap::Parser;
use telem_collector::cli::Options;

fn main() -> ExitCode {
    match telem_collector::run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("telem-collector: {error}");
            ExitCode::FAILURE
        }
    }
}
