//! Command lines as getopt_long(3) takes them, which scripts were written for:
//!
//! - of an option that stands there twice, the last counts (a list collects them);
//! - a long name may be cut short as long as no other option begins so;
//! - what follows an option that takes a value is that value, whatever it begins with;
//! - short options may stand together (`-Hlu`), with a value at the end (`-fFILE`); `--name=value` is `--name value`.
//!
//! A wrong command line ends a program with [`WRONG`].

use clap::{Arg, Args, Command, Error, Parser};
use std::ffi::OsString;
use std::path::PathBuf;
use telemetry_record::harmless;

/// What the help of a daemon ends with: the signals that it obeys, and the key to more.
#[macro_export]
macro_rules! daemon_help {
    ($manual:literal) => {
        concat!(
            "SIGTERM and SIGINT stop it cleanly, SIGHUP makes it read its configuration again.\nSee ",
            $manual,
            " and telemetrics.conf(5)."
        )
    };
}

/// The options of a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct DaemonOptions {
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

/// The exit code for a wrong command line. telemctl, which has said 2 ever since, is the exception.
pub const WRONG: u8 = 1;

/// The same command line, read by these rules, its subcommands included.
pub fn as_getopt(command: Command) -> Command {
    command
        .args_override_self(true)
        .infer_long_args(true)
        .mut_args(
            |argument| if takes_value(&argument) { argument.allow_hyphen_values(true) } else { argument },
        )
        .mut_subcommands(as_getopt)
}

fn takes_value(argument: &Arg) -> bool {
    !argument.is_positional() && argument.get_action().takes_values()
}

/// Reads these words, the first of which is the program's name.
///
/// # Errors
/// They are wrong, or ask for help or the version: see [`exit_code`].
pub fn try_parse_from<A: Parser>(words: impl IntoIterator<Item: Into<OsString> + Clone>) -> Result<A, Error> {
    let mut command = as_getopt(A::command());
    let mut matches = command.try_get_matches_from_mut(words)?;
    A::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Reads the words of this process. Ends it if they are wrong, or ask for help or the version.
pub fn parse<A: Parser>() -> A {
    try_parse_from(std::env::args_os()).unwrap_or_else(|error| exit(&error))
}

/// Prints what is wrong, or the help or the version, and ends the process.
pub fn exit(error: &Error) -> ! {
    print(error);
    std::process::exit(exit_code(error).into())
}

/// Prints what is wrong, of which a part may be anybody's words, or the help or the version.
pub fn print(error: &Error) {
    if error.use_stderr() {
        eprint!("{}", harmless::lines(&error.to_string()));
    } else {
        // Whoever closed standard output does not want it.
        let _ = error.print();
    }
}

/// The exit code of a program that was asked for this: 0 for help and the version, else [`WRONG`].
pub fn exit_code(error: &Error) -> u8 {
    if error.use_stderr() { WRONG } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    /// A program.
    #[derive(Debug, PartialEq, Parser)]
    #[command(name = "program", version)]
    struct Words {
        #[arg(short = 'f', long = "config_file", visible_alias = "config-file")]
        config_file: Option<String>,
        #[arg(short, long)]
        count: Option<i32>,
        #[arg(short = 'l', long)]
        locale: bool,
        #[arg(short = 'u', long)]
        uptime: bool,
        #[arg(long)]
        from: Vec<String>,
    }

    fn parsed(line: &str) -> Result<Words, ErrorKind> {
        try_parse_from(["program"].into_iter().chain(line.split(' '))).map_err(|error| error.kind())
    }

    #[test]
    fn lines_are_read_as_getopt_long_reads_them() {
        let none =
            || Words { config_file: None, count: None, locale: false, uptime: false, from: Vec::new() };
        let file = |name: &str| Words { config_file: Some(name.to_owned()), ..none() };
        for (line, expected) in [
            ("-f a -f b", file("b")),
            ("--config_file a -f b", file("b")),
            ("--config a", file("a")),
            ("--conf=a", file("a")),
            ("--config-f a", file("a")),
            ("-f -l", file("-l")),
            ("-f --", file("--")),
            ("--config_file --help", file("--help")),
            ("-fa", file("a")),
            ("-lfa", Words { locale: true, ..file("a") }),
            ("-lul", Words { locale: true, uptime: true, ..none() }),
            ("--loc --locale", Words { locale: true, ..none() }),
            ("-c -1", Words { count: Some(-1), ..none() }),
            ("--from a --from b", Words { from: vec!["a".to_owned(), "b".to_owned()], ..none() }),
        ] {
            assert_eq!(parsed(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_1_and_help_is_0() {
        for (line, kind) in [
            ("--co 1", ErrorKind::UnknownArgument),
            ("--other", ErrorKind::UnknownArgument),
            ("-x", ErrorKind::UnknownArgument),
            ("more", ErrorKind::UnknownArgument),
            ("-f", ErrorKind::InvalidValue),
            ("--locale=yes", ErrorKind::TooManyValues),
            ("-c one", ErrorKind::ValueValidation),
            ("--vers", ErrorKind::DisplayVersion),
            ("-h", ErrorKind::DisplayHelp),
        ] {
            assert_eq!(parsed(line), Err(kind), "{line}");
            let error = try_parse_from::<Words>(["program"].into_iter().chain(line.split(' '))).unwrap_err();
            let is_asked_for = matches!(kind, ErrorKind::DisplayVersion | ErrorKind::DisplayHelp);
            assert_eq!(exit_code(&error), u8::from(!is_asked_for), "{line}");
        }
    }
}
