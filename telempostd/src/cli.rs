//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// Delivers the telemetry records in the spool to the collector.
#[derive(Debug, Parser)]
#[command(
    name = "telempostd",
    version,
    after_help = "SIGTERM and SIGINT stop it cleanly, SIGHUP makes it read its configuration again.\n\
See telempostd(1) and telemetrics.conf(5)."
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
}
