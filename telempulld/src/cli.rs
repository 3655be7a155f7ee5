//! The command line, which the shell completions are made from, too.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Answers those who ask how this machine is, if telemetry is opted in and pull_listen or pull_local is set.
#[derive(Debug, Parser)]
#[command(
    name = "telempulld",
    version,
    after_help = "SIGTERM and SIGINT stop it cleanly, SIGHUP makes it read its configuration again.\n\
See telempulld(1) and telemetrics.conf(5)."
)]
pub struct Args {
    /// Configuration file, an absolute path [default: the first of /etc and /usr/share/defaults]
    #[arg(
        short = 'f',
        long = "config_file",
        visible_alias = "config-file",
        alias = "config",
        value_name = "FILE"
    )]
    pub config_file: Option<PathBuf>,
    /// Print what somebody would be answered instead, also before opt-in; nothing is sent or kept
    #[arg(long, value_name = "WHO")]
    pub print: Option<Audience>,
}

/// Whose answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Audience {
    /// The owner: JSON with all lists.
    Owner,
    /// The central client: the same, as far as limit_remote_data_set lets it.
    Central,
    /// A certificate with role=read: OpenMetrics.
    Read,
}
