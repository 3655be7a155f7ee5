//! The command line.

use clap::Parser;
use telemetry_runtime::command_line::DaemonOptions;
use telemetry_runtime::daemon_help;

/// Delivers the telemetry records in the spool to the collector.
#[derive(Debug, Parser)]
#[command(name = "telempostd", version, after_help = daemon_help!("telempostd(1)"))]
pub struct Args {
    /// What both daemons take.
    #[command(flatten)]
    pub options: DaemonOptions,
}
