//! How a command ends: the exit codes that scripts rely on, and the one line that says why.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done, or nothing to do |
//! | 1 | not done; standard error says why |
//! | 2 | wrong arguments (given by the argument parser) |

use std::fmt;
use std::io;
use std::process::ExitCode;
use telemetry_config::ConfigError;
use telemetry_config::consent::ConsentError;
use telemetry_record::harmless::word;

/// The message of a command that only root may run, as scripts know it.
pub const MUST_BE_ROOT: &str = "Must be root to run this command. Exiting...";

/// The message of `start` before `opt-in`, as scripts know it.
pub const OPT_IN_FIRST: &str = "Opt in to telemetry first.";

/// The exit code of wrong arguments.
pub const WRONG_ARGUMENTS: i32 = 2;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// Words that scripts know, to be printed as they are.
    Fixed(&'static str),
    /// One line that names the thing, the reason and the remedy.
    Message(String),
    /// A line for each thing that was not done.
    Messages(Vec<String>),
    /// The configuration cannot be used.
    Config(ConfigError),
    /// Standard output does not take what is written to it.
    Output(io::Error),
}

/// What a command comes to.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure with this line.
    pub fn message(line: impl Into<String>) -> Self {
        Failure::Message(line.into())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Config(error)
    }
}

impl From<ConsentError> for Failure {
    fn from(error: ConsentError) -> Self {
        match error {
            ConsentError::Missing(_) => Failure::Fixed(OPT_IN_FIRST),
            ConsentError::Unreadable { .. } => Failure::message(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Fixed(line) => f.write_str(line),
            Failure::Message(line) => f.write_str(line),
            Failure::Messages(lines) => f.write_str(&lines.join("; ")),
            Failure::Config(error) => error.fmt(f),
            Failure::Output(error) => write!(f, "standard output: {error}"),
        }
    }
}

/// Prints what there is to say about an outcome and turns it into the exit code.
pub fn report(program: &str, outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => return ExitCode::SUCCESS,
        // The reader has seen enough, as in `telemctl journal | head`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(failure @ Failure::Fixed(_)) => eprintln!("{failure}"),
        Err(Failure::Messages(lines)) => {
            lines.iter().for_each(|line| eprintln!("{program}: {}", word(line)));
        }
        Err(failure) => eprintln!("{program}: {}", word(&failure.to_string())),
    }
    ExitCode::FAILURE
}
