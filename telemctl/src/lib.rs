//! The person's tool: consent, services, journal, and a view of everything that telemetry does here.
//!
//! Two programs are made of it: `telemctl`, and `telem_journal`, which is `telemctl journal`.
//!
//! A command works on one [`installation`]: the system's, or, with `--config FILE`, a private one whose
//! directories all stand in that file. Commands write to a given writer and return an
//! [`exit_code::Outcome`]; only this file touches standard output.

mod check;
pub mod cli;
mod config;
mod core_pattern;
mod crash_test;
mod doctor;
mod duration_text;
mod environment;
pub mod exit_code;
mod forget;
mod helper;
mod identity;
pub mod installation;
mod journal;
mod json;
mod local_time;
mod monitoring_params;
mod opt_in;
mod opt_out;
mod preview;
mod privilege;
pub mod programs;
mod pull;
mod rejected;
mod services;
pub mod settings;
pub mod snmp;
mod spool;
mod status;
mod steady_time;
mod trust;
mod work_directories;

use clap::Parser;
use cli::{
    CheckCommand, Command, MonitoringParamsArguments, MonitoringParamsCommand, SpoolCommand, TelemJournal,
    Telemctl,
};
use exit_code::{Failure, Outcome};
use installation::Installation;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use telemetry_record::harmless::word;
use telemetry_runtime::command_line;

/// Runs `telemctl` with the arguments of this process. Ends the process with 2 on wrong arguments.
pub fn run_telemctl() -> ExitCode {
    let Telemctl { config, command } = parse::<Telemctl>();
    exit_code::report("telemctl", run(&config, &command))
}

/// Runs `telem_journal` with the arguments of this process. Ends the process with 2 on wrong arguments.
pub fn run_telem_journal() -> ExitCode {
    let TelemJournal { config, journal } = parse::<TelemJournal>();
    exit_code::report("telem_journal", run(&config, &Command::Journal(journal)))
}

/// Not 1, as other programs of ours say of wrong arguments: scripts know 2.
fn parse<A: Parser>() -> A {
    command_line::try_parse_from(std::env::args_os()).unwrap_or_else(|error| {
        command_line::print(&error);
        std::process::exit(if error.use_stderr() { exit_code::WRONG_ARGUMENTS } else { 0 })
    })
}

fn run(config: &cli::ConfigOption, command: &Command) -> Outcome {
    let file = config.file.as_deref();
    privilege::check(command, file.is_some(), nix::unistd::Uid::effective())?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let outcome = perform(file, command, &mut out);
    let flushed = out.flush().map_err(Failure::Output);
    outcome.and(flushed)
}

fn perform(file: Option<&Path>, command: &Command, out: &mut dyn Write) -> Outcome {
    // Status and doctor show themselves what is odd in the configuration.
    let installation = || installation(file).inspect(warn);
    match command {
        Command::Start => services::start(&installation()?),
        Command::Stop => services::stop(&installation()?),
        Command::Restart => services::restart(&installation()?),
        Command::IsActive => services::is_active(&installation()?, out),
        Command::OptIn => opt_in::run(&installation()?, out),
        Command::OptOut(arguments) => opt_out::run(&installation()?, arguments, out),
        Command::ForgetOnce => forget::once(&installation()?, out),
        Command::Journal(arguments) => journal::run(&installation()?, arguments, out),
        Command::Status(arguments) => status::run(&self::installation(file)?, arguments, out),
        Command::Doctor(format) => {
            let file = file.map(Path::to_owned);
            doctor::run(move || self::installation(file.as_deref()), format.json, out)
        }
        Command::Rejected(command) => rejected::run(&installation()?, command, out),
        Command::Spool(SpoolCommand::Split) => spool::run_split(&installation()?, out),
        Command::Config(arguments) => config::run(file, arguments, out),
        Command::Identity(arguments) => identity::run(&installation()?, arguments, out),
        Command::Trust(arguments) => trust::run(&installation()?, arguments, out),
        Command::Preview(arguments) if arguments.environment => {
            environment::preview(&installation()?, arguments.audience, out)
        }
        Command::Preview(arguments) => preview::run(&installation()?, arguments.json, out),
        Command::Check(arguments) => match &arguments.command {
            Some(CheckCommand::Run { name }) => check::run(&installation()?, name),
            Some(CheckCommand::List(format)) => check::list(&installation()?, format.json, out),
            None => check::list(&installation()?, arguments.format.json, out),
        },
        Command::Snmp(arguments) => {
            snmp::run(&installation()?, &arguments.base, &mut std::io::stdin().lock(), out)
        }
        Command::Pull(arguments) => pull::run(&installation()?, arguments, out),
        Command::MonitoringParams(MonitoringParamsArguments {
            command: MonitoringParamsCommand::Check { file },
        }) => monitoring_params::check(file, out),
        Command::CrashTest => crash_test::run(&installation()?, out),
        Command::CrashTestChild => crash_test::crash(),
        Command::WriteUnits => services::write_units(&installation()?),
    }
}

fn installation(file: Option<&Path>) -> Result<Installation, Failure> {
    let configuration = installation::read_configuration(file)?;
    Ok(Installation::new(&configuration, file.is_some())?)
}

fn warn(installation: &Installation) {
    for complaint in installation.complaints() {
        eprintln!("telemctl: warning: {}", word(&complaint));
    }
}
