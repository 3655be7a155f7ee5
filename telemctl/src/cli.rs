//! The arguments. Flags and words are those that existing scripts use; see `--help`.

use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
All commands but is-active, status, doctor, preview, config show and config check need root. With --config FILE none does: the permissions
of the files decide, so that a private instance needs no privileges.

Exit codes: 0 done, or nothing to do; 1 not done; 2 wrong arguments.";

const STATUS_AFTER_HELP: &str = "\
Keys of --json (times in seconds since 1970, null where a thing is not known or has not happened):
  version, taken_unix_secs
  config     source (null: built-in defaults), warnings
  consent    opted_in, file, error (why it cannot be seen, which counts as no)
  daemons    telemprobd and telempostd, each: running, pid
  socket     path, listening, error
  server     url (without user and password; null if none is set; of several the first), api, delivery_enabled,
             list (of several, each: url, active, active_since_unix_secs, failures, last_failure)
  spool      dir, records, records_exact, files, disk_bytes, oldest_unix_secs, damaged, rejected, error
  delivery   updated_unix_secs, last_delivered_unix_secs, next_try_unix_secs, error,
             last_error (unix_secs, server, reason), spool_fault (unix_secs, path, reason)
  counters_error  why some counters are not known; their total is null then
  counters   since the first start: accepted, refused, delivered, retried, rejected, expired, dropped,
             set_aside, rate_limited, maybe_twice, each: total, by_reason (an object; by classification in rate_limited)
  crashes    sent, left_out, not_sent, error,
             latest (unix_secs, pid, executable, fate (sent, left_out, not_sent), class, event_id, reason)
  probes     those of klogscanner, journalprobe and pstoreprobe that have run, each: waiting, left_out, lost_lines,
             error
Keys may be added, never renamed. Exit code 0 if it could tell, whatever the state is.

--prometheus prints the same as metrics in the text format, telemetry_NAME, each with its explanation; what
is not known is left out. Write it into the folder of node exporter's textfile collector, by rename.";

const REJECTED_AFTER_HELP: &str = "\
Up to 100 are kept, for 30 days, and up to 80 of one user; of too many, the oldest goes of who has most. An ID may be its beginning, of 4 digits or more, if no other begins so.

Exit codes: 0 done, or nothing to do; 1 not done, for one of the records at least; 2 wrong arguments.";

const REJECTED_LIST_AFTER_HELP: &str = "\
Keys of --json:
  records, oldest first, each: id, refused_unix_secs, classification (null if the file is damaged), server,
  status (null if no server was reached), reason
Keys may be added, never renamed.";

const SPOOL_SPLIT_AFTER_HELP: &str = "\
Records keep their ids, their order and their age. It can be run again, also after it was interrupted.

Exit codes: 0 done, or nothing to do; 1 not done: a daemon runs, or one of the files could not be split; 2 wrong arguments.";

const DOCTOR_AFTER_HELP: &str = "\
A line a finding: ok, warning or error, what was looked at, what was found, and the remedy. The server is
connected to only after opt-in, and is sent nothing.

Keys of --json:
  findings, each: level (ok, warning, error), about, text, remedy (null for none); errors, warnings: numbers
Keys may be added, never renamed.

Exit codes: 0 no error, 1 an error was found, 2 wrong arguments.";

const CONFIG_AFTER_HELP: &str = "\
Without a command: show. `config set` checks the value, changes or adds one line and keeps the rest of the file, and has
the running daemons that obey the key read it again. Where the administrator has no file, it begins as a copy of the
distribution's.

Keys of --json:
  source (null: built-in defaults), keys, each: key, value (without a password), line (null for a default),
  is_allowed, allowed, default, programs, meaning
Keys may be added, never renamed.

Exit codes: 0 done; 1 not done, or check found something; 2 wrong arguments.";

const TRUST_AFTER_HELP: &str = "\
Without a command and a server: list. A server that is named here is trusted by its certificate alone: no authority, name
or date counts, and this machine's certificate is shown to it. Without --fingerprint it is the certificate that the server
has now; compare it with what `openssl x509 -fingerprint -sha256` prints there.

Exit codes: 0 done; 1 not done; 2 wrong arguments.";

const PREVIEW_AFTER_HELP: &str = "\
Keys of --json:
  headers (an object of the 15 names), payload, machine_id_kind (random or static; a random one is put in
  by telemprobd), server (without user and password; null if none is set), tid_header, delivery_enabled,
  opted_in, consent_error (why consent cannot be seen, which counts as no)
Keys may be added, never renamed.";

const CRASH_TEST_AFTER_HELP: &str = "\
A line a step, with the milliseconds since the process was started. The report is sent like any other, and counts
in crash_burst_limit.

Exit codes: 0 the report was delivered; 1 it was not, within 60 seconds; 2 wrong arguments.";

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
    OptOut,
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
    #[command(args_conflicts_with_subcommands = true)]
    Identity(IdentityArguments),
    /// The servers that are trusted by the fingerprint of their certificate: list them, add, remove
    #[command(after_help = TRUST_AFTER_HELP, args_conflicts_with_subcommands = true)]
    Trust(TrustArguments),
    /// Show what a record of this machine says, without sending or storing it
    #[command(after_help = PREVIEW_AFTER_HELP)]
    Preview(OutputFormat),
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

/// For people or for programs.
#[derive(Debug, Args)]
pub struct OutputFormat {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
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
    /// What to do.
    #[command(subcommand)]
    pub command: Option<IdentityCommand>,
}

/// What to do with this machine's certificate.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Print its fingerprint; the certificate is made if there is none
    Show,
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
    /// For so many minutes trust the first certificate of each server of which no file says anything
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
