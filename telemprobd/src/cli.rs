//! The command line.

use clap::Parser;
use telemetry_runtime::command_line::DaemonOptions;
use telemetry_runtime::daemon_help;

/// Takes telemetry records from programs on a Unix socket and stores them in the spool.
#[derive(Debug, Parser)]
#[command(name = "telemprobd", version, after_help = daemon_help!("telemprobd(1)"))]
pub struct Args {
    /// What both daemons take.
    #[command(flatten)]
    pub options: DaemonOptions,
}
