//! The arguments. Flags and words are those that existing scripts use; see `--help`.

mod environment;
mod help;

pub use environment::{
    Audience, CheckArguments, CheckCommand, MonitoringParamsArguments, MonitoringParamsCommand,
    PullArguments, PullCommand, SnmpArguments,
};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use help::{
    AFTER_HELP, CHECK_AFTER_HELP, CONFIG_AFTER_HELP, CRASH_TEST_AFTER_HELP, DOCTOR_AFTER_HELP,
    OPT_OUT_AFTER_HELP, PREVIEW_AFTER_HELP, PULL_AFTER_HELP, REJECTED_AFTER_HELP, REJECTED_LIST_AFTER_HELP,
    SNMP_AFTER_HELP, SPOOL_SPLIT_AFTER_HELP, STATUS_AFTER_HELP, TRUST_AFTER_HELP,
};
use std::path::PathBuf;

/// Consent, services, status and journal of the telemetry client.
#[derive(Debug, Parser)]
#[command(name = "telemctl", version, propagate_version = true, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true)]
pub struct Telemctl {
    /// Which installation.
    #[command(flatten)]
    pub config: ConfigOption,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Lists the records that left this machine (the same as `telemctl journal`).
#[derive(Debug, Parser)]
#[command(name = "telem_journal", version, disable_version_flag = true)]
pub struct TelemJournal {
    /// Which installation.
    #[command(flatten)]
    pub config: ConfigOption,
    /// Which records.
    #[command(flatten)]
    pub journal: JournalArguments,
}

/// The installation to work on.
#[derive(Debug, Args)]
pub struct ConfigOption {
    /// Work on the private instance that this configuration file describes
    #[arg(short = 'f', long = "config", aliases = ["config_file", "config-file"], value_name = "FILE", global = true)]
    pub file: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the services
    Start,
    /// Stop the services
    Stop,
    /// Stop the services and start them again
    Restart,
    /// Say whether telemprobd and telempostd run, or systemd waits to start them (exit code 0 either way)
    IsActive,
    /// Agree that this machine sends telemetry, and start the services
    OptIn,
    /// End it: withdraw the consent, stop the services and remove what they keep
    #[command(after_help = OPT_OUT_AFTER_HELP)]
    OptOut(OptOutArguments),
    /// Ask servers once to forget this machine, as packages do before they are removed
    #[command(hide = true)]
    ForgetOnce,
    /// List the records that left this machine
    Journal(JournalArguments),
    /// Show what runs, what waits, what was sent and what went wrong
    #[command(after_help = STATUS_AFTER_HELP)]
    Status(StatusArguments),
    /// Look for what is wrong, and say the remedy
    #[command(after_help = DOCTOR_AFTER_HELP)]
    Doctor(OutputFormat),
    /// The records that a server rejected: list them, send them again, drop them
    #[command(subcommand, after_help = REJECTED_AFTER_HELP)]
    Rejected(RejectedCommand),
    /// The files of the spool: for a way back to the C client
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// The configuration: show what holds, check it, change a value
    #[command(after_help = CONFIG_AFTER_HELP, args_conflicts_with_subcommands = true)]
    Config(ConfigArguments),
    /// The certificate by which servers know this machine: show its fingerprint
    Identity(IdentityArguments),
    /// The servers that are trusted by the fingerprint of their certificate: list them, add, remove
    #[command(after_help = TRUST_AFTER_HELP, args_conflicts_with_subcommands = true)]
    Trust(TrustArguments),
    /// Show what a record of this machine says, without sending or storing it
    #[command(after_help = PREVIEW_AFTER_HELP)]
    Preview(PreviewArguments),
    /// The checks of this machine: list their states, run one
    #[command(after_help = CHECK_AFTER_HELP, args_conflicts_with_subcommands = true)]
    Check(CheckArguments),
    /// Who may ask how this machine is: show it, trust a certificate, trust the first that comes
    #[command(after_help = PULL_AFTER_HELP, args_conflicts_with_subcommands = true)]
    Pull(PullArguments),
    /// Answer snmpd (pass_persist), from the state files that every user may read
    #[command(after_help = SNMP_AFTER_HELP)]
    Snmp(SnmpArguments),
    /// Check a monitoring-params.xml, by which telempulld knows the central client
    MonitoringParams(MonitoringParamsArguments),
    /// Make a process crash, and follow its report to the server
    #[command(after_help = CRASH_TEST_AFTER_HELP)]
    CrashTest,
    /// The process that crashes
    #[command(name = crate::crash_test::CHILD_COMMAND, hide = true)]
    CrashTestChild,
    /// Fit systemd's units to the configuration, as packages do after an upgrade; `restart` does it too.
    #[command(hide = true)]
    WriteUnits,
}

/// What becomes of the records that servers have.
#[derive(Debug, Default, Args)]
pub struct OptOutArguments {
    /// Leave them there
    #[arg(long)]
    pub keep_at_server: bool,
    /// Print commands that have them deleted, instead of sending the request
    #[arg(long, conflicts_with = "keep_at_server")]
    pub print: bool,
}

impl OptOutArguments {
    /// Whether nothing is asked of servers.
    pub(crate) fn is_without_request(&self) -> bool {
        self.keep_at_server || self.print
    }
}

/// For people or for programs.
#[derive(Debug, Args)]
pub struct OutputFormat {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is shown before it is sent.
#[derive(Debug, Args)]
pub struct PreviewArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print the samples of how this machine is, as environment_interval has them sent
    #[arg(long, conflicts_with = "json")]
    pub environment: bool,
    /// Print instead what somebody is answered who asks
    #[arg(long = "as", value_name = "WHO", requires = "environment")]
    pub audience: Option<Audience>,
}

/// How the status is printed.
#[derive(Debug, Default, Args)]
pub struct StatusArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print metrics in the text format of Prometheus
    #[arg(long, conflicts_with = "json")]
    pub prometheus: bool,
}

/// What to do with the configuration.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// How `show` prints, which is what is done without a command.
    #[command(flatten)]
    pub format: OutputFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every key with its value, where that comes from, and which programs obey it
    Show(OutputFormat),
    /// List wrong values, unknown and repeated keys
    Check,
    /// Change one value in the administrator's file
    Set {
        /// Which key
        #[arg(value_name = "KEY")]
        key: String,
        /// Its value, as it would stand in the file
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: String,
    },
}

/// What to do with this machine's certificate.
#[derive(Debug, Args)]
pub struct IdentityArguments {
    /// Whose certificate: telempostd's, which servers see, or telempulld's, which those see who ask how this machine is;
    /// `renew` is about both, where both are in use, unless this names one
    #[arg(long, value_enum, global = true)]
    pub service: Option<IdentityService>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<IdentityCommand>,
}

/// Whose certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IdentityService {
    /// Who delivers
    Telempostd,
    /// Who answers those who ask how this machine is
    Telempulld,
}

/// What to do with this machine's certificate.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Print its fingerprint, and that of the one that is to follow; the certificate is made if there is none
    Show,
    /// Make the one that is to follow: it is announced to servers and collectors, and once they have had it for a day it is used
    Renew {
        /// Use it at once: servers and collectors that have not had it yet refuse this machine, and records wait
        #[arg(long)]
        now: bool,
    },
}

/// Which server to trust, or what to do with those that are.
#[derive(Debug, Args)]
pub struct TrustArguments {
    /// The server, HOST:PORT or an https URL
    #[arg(value_name = "SERVER", conflicts_with = "first_use")]
    pub server: Option<String>,
    /// Trust this certificate, which the server need not have yet
    #[arg(long, value_name = "FINGERPRINT", requires = "server")]
    pub fingerprint: Option<String>,
    /// Trust the first certificate of each server of which no file says anything, for MINUTES
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub first_use: Option<u64>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<TrustCommand>,
}

/// What to do with trusted certificates.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// List them, those that were learned as well
    List,
    /// Make a line of the trust file of one that was learned
    Accept {
        /// Which certificate
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: String,
    },
    /// Trust a certificate no more, nor any that its owner announced
    Remove {
        /// Which certificate
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: String,
    },
}

/// What to do with refused records.
#[derive(Debug, Subcommand)]
pub enum RejectedCommand {
    /// List them, oldest first
    #[command(after_help = REJECTED_LIST_AFTER_HELP)]
    List(OutputFormat),
    /// Show one: what the server said, and the record
    Show {
        /// Which record
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Move records back into the spool, to be sent again under their ids
    Retry(RejectedChoice),
    /// Remove records
    Drop(RejectedChoice),
}

/// What to do with the files of the spool.
#[derive(Debug, Subcommand)]
pub enum SpoolCommand {
    /// With the daemons stopped, give each record that waits a file of its own, as the C client's daemons read it
    #[command(after_help = SPOOL_SPLIT_AFTER_HELP)]
    Split,
}

/// Which of the refused records.
#[derive(Debug, Args)]
pub struct RejectedChoice {
    /// Which records
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub ids: Vec<String>,
    /// All of them
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
}

/// Which entries of the journal, and how. Several filters all have to fit.
#[derive(Debug, Default, Args)]
#[command(disable_version_flag = true)]
pub struct JournalArguments {
    /// Print column names first and the number of records last
    #[arg(short = 'V', long)]
    pub verbose: bool,
    /// List what waits and what was rejected, too, and say of each record what became of it
    #[arg(long)]
    pub all: bool,
    /// Print the payload under each line, if it is here (record_retention_enabled=true keeps it)
    #[arg(short = 'i', long = "include_record", alias = "include-record")]
    pub include_record: bool,
    /// Only the record of this id
    #[arg(short = 'r', long = "record_id", alias = "record-id", value_name = "ID")]
    pub record_id: Option<String>,
    /// Only records of this event
    #[arg(short = 'e', long = "event_id", alias = "event-id", value_name = "ID")]
    pub event_id: Option<String>,
    /// Only records of this classification; it may end in /*
    #[arg(short = 'c', long, value_name = "CLASS")]
    pub classification: Option<String>,
    /// Only records that left in this boot
    #[arg(short = 'b', long = "boot_id", alias = "boot-id", value_name = "ID")]
    pub boot_id: Option<String>,
    /// Print version
    // Without a short form: `-V` is `--verbose` here.
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;
    use telemetry_runtime::command_line;

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        Telemctl::command().debug_assert();
        TelemJournal::command().debug_assert();
    }

    #[test]
    fn a_configuration_may_stand_before_or_behind_the_command() {
        for line in [
            "telemctl --config /c status",
            "telemctl status --config /c",
            "telemctl status -f /c",
            "telemctl journal --config_file /c -V",
            "telemctl --config-file=/c opt-in",
            "telemctl --conf /c start",
            "telemctl -f /b -f /c journal -iV",
            "telemctl -f /b journal -if /c",
        ] {
            let parsed = command_line::try_parse_from::<Telemctl>(line.split(' ')).unwrap();
            assert_eq!(parsed.config.file, Some(PathBuf::from("/c")), "{line}");
        }
        let parsed =
            command_line::try_parse_from::<TelemJournal>(["telem_journal", "-f", "/c", "-V"]).unwrap();
        assert!(parsed.journal.verbose && parsed.config.file.is_some());
    }

    #[test]
    fn what_is_unknown_is_a_usage_error() {
        for (line, kind) in [
            ("telemctl", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("telemctl begin", ErrorKind::InvalidSubcommand),
            ("telemctl start --now", ErrorKind::UnknownArgument),
            ("telemctl journal -x", ErrorKind::UnknownArgument),
            ("telemctl journal more", ErrorKind::UnknownArgument),
            ("telemctl status -V", ErrorKind::DisplayVersion),
            ("telemctl journal --version", ErrorKind::DisplayVersion),
            ("telemctl status --json --prometheus", ErrorKind::ArgumentConflict),
            ("telemctl config get", ErrorKind::InvalidSubcommand),
            ("telemctl config set spool_max_size", ErrorKind::MissingRequiredArgument),
            ("telemctl config --json check", ErrorKind::ArgumentConflict),
            ("telemctl rejected", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("telemctl rejected send", ErrorKind::InvalidSubcommand),
            ("telemctl rejected show", ErrorKind::MissingRequiredArgument),
            ("telemctl rejected retry", ErrorKind::MissingRequiredArgument),
            ("telemctl rejected drop --all abcd", ErrorKind::ArgumentConflict),
            ("telemctl spool", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("telemctl spool split all", ErrorKind::UnknownArgument),
            ("telemctl opt-out --help", ErrorKind::DisplayHelp),
            ("telemctl preview --as owner", ErrorKind::MissingRequiredArgument),
            ("telemctl preview --environment --as me", ErrorKind::InvalidValue),
            ("telemctl pull first-use", ErrorKind::MissingRequiredArgument),
            ("telemctl pull first-use 0", ErrorKind::ValueValidation),
            ("telemctl pull trust", ErrorKind::MissingRequiredArgument),
            ("telemctl pull list", ErrorKind::InvalidSubcommand),
            ("telemctl crash-test now", ErrorKind::UnknownArgument),
        ] {
            assert_eq!(
                command_line::try_parse_from::<Telemctl>(line.split(' ')).unwrap_err().kind(),
                kind,
                "{line}"
            );
        }
    }
}
