//! The arguments of what is about how the machine is.

use super::OutputFormat;
use crate::snmp::Oid;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What to do with checks.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// How `list` prints, which is what is done without a command.
    #[command(flatten)]
    pub format: OutputFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<CheckCommand>,
}

/// What to do with checks.
#[derive(Debug, Subcommand)]
pub enum CheckCommand {
    /// List them with their states
    List(OutputFormat),
    /// Run one once, print what comes of it, and end with its state (0 to 3)
    Run {
        /// Which check
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// What to do about those who ask how this machine is.
#[derive(Debug, Args)]
pub struct PullArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<PullCommand>,
}

/// What to do about those who ask how this machine is.
#[derive(Debug, Subcommand)]
pub enum PullCommand {
    /// Show where it is asked, who may, and what each gets
    Status,
    /// Trust the first certificate that comes and is not known, for MINUTES
    FirstUse {
        /// How long
        #[arg(value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=10_080))]
        minutes: u64,
    },
    /// Trust a certificate, with these rights instead of those that it has
    Trust {
        /// Which certificate
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: String,
        /// role=pull, role=read, role=administrate or client=INSTANCE/CLASS/CODE[/SUBSYSTEM]; none is role=pull
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
    /// Trust a certificate no more
    Remove {
        /// Which certificate
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: String,
    },
}

/// What is done with a monitoring-params.xml.
#[derive(Debug, Args)]
pub struct MonitoringParamsArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: MonitoringParamsCommand,
}

/// The commands of it.
#[derive(Debug, Subcommand)]
pub enum MonitoringParamsCommand {
    /// Say whether a file is valid, and whom it names (exit code 0: it is)
    Check {
        /// The file
        file: PathBuf,
    },
}

/// Whose answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Audience {
    /// The owner: JSON with all lists
    Owner,
    /// The central client, and role=pull: the same, as far as limit_remote_data_set lets it
    Central,
    /// role=read: OpenMetrics
    Read,
}

/// Below which name snmpd asks.
#[derive(Debug, Args)]
pub struct SnmpArguments {
    /// The name that snmpd.conf has in its line of pass_persist
    #[arg(long, value_name = "OID", default_value = ".1.3.6.1.4.1.8072.9999.9999.4711")]
    pub base: Oid,
}
