//! The command line, which the shell completions are made from, too.

use clap::Parser;
use std::path::PathBuf;

/// Runs the checks of checks.d, and reports when their state changes.
#[derive(Debug, Parser)]
#[command(name = "checkprobe", version)]
pub struct Checkprobe {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Run this check once, print what comes of it and end with its state (0 to 3); nothing is kept or reported
    #[arg(long, value_name = "CHECK")]
    pub run: Option<String>,
    /// Print what is wrong with the definitions, a line each, and end (0: nothing is)
    #[arg(long, conflicts_with = "run")]
    pub faults: bool,
}
