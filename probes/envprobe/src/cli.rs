//! The command line, which the shell completions are made from, too.

use clap::Parser;
use std::path::PathBuf;

/// Sends a sample of how this machine is, if telemetry is opted in and environment_interval is set.
#[derive(Debug, Parser)]
#[command(name = "envprobe", version)]
pub struct Envprobe {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Print the records instead, also before opt-in; nothing is sent or kept
    #[arg(long)]
    pub print: bool,
}
