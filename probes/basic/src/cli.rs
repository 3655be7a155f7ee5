//! The command lines of hprobe and telem-record-gen, which the shell completions are made from, too.

use clap::Parser;
use std::path::PathBuf;

/// Sends a telemetry record that says hello.
#[derive(Debug, Parser)]
#[command(name = "hprobe", version)]
pub struct Hprobe {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Send a heartbeat (org.clearlinux/heartbeat/ping)
    #[arg(short = 'H', long)]
    pub heartbeat: bool,
    /// Add the locale
    #[arg(short = 'l', long)]
    pub locale: bool,
    /// Add the seconds since the machine started
    #[arg(short = 'u', long)]
    pub uptime: bool,
    /// Add the names of the installed bundles (Clear Linux)
    #[arg(short = 'b', long)]
    pub bundles: bool,
}

/// Makes a telemetry record and sends it. Without -p or -P the payload is read from standard input.
#[derive(Debug, Parser)]
#[command(name = "telem-record-gen", version)]
pub struct TelemRecordGen {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config-file", visible_alias = "config_file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Severity: 1 low, 2 medium, 3 high, 4 critical
    #[arg(short, long, value_name = "1..4", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    pub severity: u32,
    /// Classification, DOMAIN/PROBE/REST: three parts of at most 40 bytes
    #[arg(short = 'c', long, value_name = "CLASS")]
    pub class: String,
    /// The payload itself
    #[arg(short, long, value_name = "TEXT", conflicts_with = "payload_file")]
    pub payload: Option<String>,
    /// File with the payload; what is past 8192 bytes is left out
    #[arg(short = 'P', long, value_name = "FILE")]
    pub payload_file: Option<PathBuf>,
    /// Version of the payload's format
    #[arg(short = 'R', long, value_name = "N", default_value_t = 1)]
    pub record_version: u32,
    /// Event id to group records by: 32 lowercase hexadecimal digits [default: random]
    #[arg(short, long, value_name = "ID")]
    pub event_id: Option<String>,
    /// Print the record
    #[arg(short = 'o', long)]
    pub echo: bool,
    /// Do not send the record
    #[arg(short, long)]
    pub no_post: bool,
}
