//! The file of `--config`: INI, section `[settings]`, each long option a key with `_` for `-`.
//!
//! ```text
//!  [settings]
//!  database = /var/lib/telemetrics-collector/records.db     as --database
//!  listen = 0.0.0.0:8080 [::]:8080                          as two --listen: of a repeatable one, values parted by blanks
//!  tls = true                                               as --tls
//! ```
//!
//! `#` and `;` begin a comment line. What stands on the command line counts instead of the same key of the file. Other
//! sections are of `pull` and of machines.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{ArgAction, CommandFactory};
use telemetry_files::bounded_file;

use crate::cli::Options;
use crate::sections::{self, Key, LineFault, nearest};

/// Bytes of a configuration: 10,000 machines that are asked, each with a fingerprint, are 2 MB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

const OPTION: &str = "--config";

/// A file that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    path: PathBuf,
    fault: String,
}

impl ConfigError {
    /// Of this line.
    #[must_use]
    pub fn of_line(path: &Path, fault: &LineFault) -> Self {
        Self { path: path.to_owned(), fault: fault.to_string() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

impl std::error::Error for ConfigError {}

/// A command line with what the file of its `--config` says, and what is odd in that file.
///
/// # Errors
/// If the file cannot be read, or a line is none.
pub fn expand(args: Vec<OsString>) -> Result<(Vec<OsString>, Vec<String>), ConfigError> {
    let Some(path) = path(&args) else { return Ok((args, Vec::new())) };
    let fault = |fault: String| ConfigError { path: path.clone(), fault };
    let text = read(&path)?;
    let (settings, mut warnings) = settings(&text).map_err(|wrong| fault(wrong.to_string()))?;
    let mut given: Vec<OsString> = Vec::new();
    let (all, of_command) = commands(&args);
    for (line, key, value) in settings {
        match arguments(&key, &value, &args, &all, of_command.as_ref()) {
            Ok(arguments) => given.extend(arguments.into_iter().map(OsString::from)),
            Err(Unusable::Unknown(nearest)) => {
                let nearest = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
                warnings.push(format!("{}:{line}: {key}: unknown key{nearest}", path.display()));
            }
            Err(Unusable::Wrong(reason)) => return Err(fault(format!("line {line}: {key}: {reason}"))),
        }
    }
    Ok((inserted(args, given, of_command.is_some()), warnings))
}

/// The program, whose options are the keys, and the command that stands first, if it reads the file too: of the keys, those
/// that are its own.
fn commands(args: &[OsString]) -> (clap::Command, Option<clap::Command>) {
    let all = Options::command();
    let first = args.get(1).and_then(|arg| arg.to_str());
    let command =
        first.and_then(|name| all.find_subcommand(name)).filter(|command| has_option(command, "config"));
    let command = command.cloned();
    (all, command)
}

fn has_option(command: &clap::Command, name: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some(name))
}

/// The text of a configuration.
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let fault = |fault: String| ConfigError { path: path.to_owned(), fault };
    let read = bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, MAX_BYTES));
    let bytes = read.map_err(|error| fault(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| fault("is no text in UTF-8".to_owned()))
}

/// The value of the last `--config`.
fn path(args: &[OsString]) -> Option<PathBuf> {
    let mut found = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        if text == OPTION {
            found = args.next().map(|path| Path::new(path).to_owned());
        } else if let Some(path) = text.strip_prefix("--config=") {
            found = Some(PathBuf::from(path));
        }
    }
    found
}

/// A key of the section, with its line.
type Setting = (usize, String, String);

/// The keys of the section.
fn settings(text: &str) -> Result<(Vec<Setting>, Vec<String>), LineFault> {
    let mut settings: Vec<Setting> = Vec::new();
    let mut warnings = Vec::new();
    let sections = sections::read(text)?;
    let ours = sections.into_iter().filter(|section| section.name == "settings");
    for Key { line, name, value } in ours.flat_map(|section| section.keys) {
        if settings.iter().any(|(_, known, _)| *known == name) {
            warnings.push(format!("line {line}: {name} stands twice; the last one counts"));
            settings.retain(|(_, known, _)| *known != name);
        }
        settings.push((line, name.to_owned(), value.to_owned()));
    }
    Ok((settings, warnings))
}

enum Unusable {
    /// No option, and the nearest one.
    Unknown(Option<String>),
    Wrong(String),
}

/// The arguments that a key stands for; none where the command line has its own.
fn arguments(
    key: &str,
    value: &str,
    args: &[OsString],
    command: &clap::Command,
    of_command: Option<&clap::Command>,
) -> Result<Vec<String>, Unusable> {
    let name = key.replace('_', "-");
    let known = |arg: &&clap::Arg| arg.get_long() == Some(&name) && name != "config" && !key.contains('-');
    let Some(option) = command.get_arguments().find(known) else {
        let names = command.get_arguments().filter_map(clap::Arg::get_long);
        let names: Vec<_> = names.map(|name| name.replace('-', "_")).collect();
        let nearest = nearest(key, names.iter().map(String::as_str));
        return Err(Unusable::Unknown(nearest.map(str::to_owned)));
    };
    if of_command.is_some_and(|command| !has_option(command, &name)) {
        return Ok(Vec::new());
    }
    let long = format!("--{name}");
    // A password file and an address are two ways to say one thing.
    let rivals: &[&str] = if matches!(key, "database" | "database_file") {
        &["--database", "--database-file"]
    } else {
        &[&long]
    };
    let is_given = |arg: &OsString| {
        let text = arg.to_string_lossy();
        rivals
            .iter()
            .any(|rival| text == *rival || text.strip_prefix(rival).is_some_and(|rest| rest.starts_with('=')))
    };
    if args.iter().any(is_given) {
        return Ok(Vec::new());
    }
    match option.get_action() {
        ArgAction::SetTrue => match value.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(vec![long]),
            "false" | "0" => Ok(Vec::new()),
            _ => Err(Unusable::Wrong("must be true or false".to_owned())),
        },
        ArgAction::Append => Ok(value.split_whitespace().map(|part| format!("{long}={part}")).collect()),
        _ if value.is_empty() => Ok(Vec::new()),
        _ => Ok(vec![format!("{long}={value}")]),
    }
}

/// Puts arguments behind the program's name, or behind that of a command.
fn inserted(mut args: Vec<OsString>, given: Vec<OsString>, is_command: bool) -> Vec<OsString> {
    let at = (1 + usize::from(is_command)).min(args.len());
    args.splice(at..at, given);
    args
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn options(text: &str, more: &[&str]) -> Result<(Options, Vec<String>), String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("conf");
        std::fs::write(&file, text).unwrap();
        let args = ["telem-collector", OPTION, file.to_str().unwrap()];
        let args = args.iter().chain(more).map(OsString::from).collect();
        let (args, warnings) = expand(args).map_err(|error| error.to_string())?;
        Options::try_parse_from(args).map(|options| (options, warnings)).map_err(|error| error.to_string())
    }

    #[test]
    fn each_long_option_is_a_key_and_the_command_line_counts_first() {
        let text = "\u{feff}; a comment\n[other]\nlisten=x\n[settings]\r\nlisten = 127.0.0.1:1  [::1]:2\ntls=TRUE\n\
                    buffer=1\nbuffer_when_full=drop_oldest\nsync_address=a, b:9\nsyncserver=false\nkeep=a/*=1\n\
                    database=x.db\ntid=t\n";
        let (options, warnings) = options(text, &["--tid", "u"]).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!((options.listen.len(), options.trust.tls, options.sync.buffer), (2, true, true));
        assert_eq!((options.tid.as_str(), options.sync.syncserver), ("u", false));
        assert_eq!(options.sync.sync_address, ["a,", "b:9"]);
        assert_eq!(options.database.address().unwrap().to_string(), "x.db");
    }

    #[test]
    fn a_command_takes_the_keys_that_are_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("conf");
        std::fs::write(&file, "[settings]\ntrust=/t\ntid=x\nidentity=/i\nlisten=127.0.0.1:1\n").unwrap();
        let file = file.to_str().unwrap();
        let expanded = |args: &[&str]| {
            let (args, warnings) = expand(args.iter().map(OsString::from).collect()).unwrap();
            assert_eq!(warnings, Vec::<String>::new());
            args.iter().map(|arg| arg.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            expanded(&["c", "trust", "add", "F", "--config", file, "--identity", "/j"]),
            ["c", "trust", "--trust=/t", "add", "F", "--config", file, "--identity", "/j"]
        );
        let doctor = expanded(&["c", "doctor", "--config", file]);
        assert_eq!(doctor[..5], ["c", "doctor", "--trust=/t", "--identity=/i", "--listen=127.0.0.1:1"]);
    }

    #[test]
    fn what_is_wrong_has_its_line_or_the_nearest_name() {
        let (_, warnings) = options("[settings]\nbufer=true\nsync-port=1\n", &[]).unwrap();
        assert!(warnings[0].contains(":2: bufer: unknown key; did you mean buffer?"), "{warnings:?}");
        assert!(warnings[1].contains(":3: sync-port: unknown key; did you mean sync_port?"), "{warnings:?}");
        for (text, expected) in [
            ("[settings]\nbuffer\n", "line 2: must be KEY=VALUE"),
            ("[settings]\ntls=maybe\n", "line 2: tls: must be true or false"),
            ("[settings]\nbuffer=maybe\n", "must be true or false"),
            ("[settings]\nbuffer_max_size=0\n", "buffer-max-size"),
        ] {
            let error = options(text, &[]).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
