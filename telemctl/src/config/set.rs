//! `config set`: one value in the administrator's file, and the daemons that obey it read it again.

use super::edit;
use super::lock::FileLock;
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::settings::NEEDED_KEYS;
use crate::{programs, services};
use nix::sys::signal::Signal;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use telemetry_config::environment::ENVIRONMENT_INTERVAL;
use telemetry_config::limits::CONFIG_FILE_BYTES;
use telemetry_config::pull::{PULL_LISTEN, PULL_LOCAL};
use telemetry_config::{
    ADMINISTRATORS_FILE, AnyKey, ConfigError, Configuration, DISTRIBUTIONS_FILE, keys::RUN_DIR,
};
use telemetry_files::{Attributes, Durability, bounded_file, replace_path};
use telemetry_runtime::config_warnings::nearest;

/// Permissions of a file that is made here: it holds no secret that users must not see, and the library reads it as them.
const NEW_FILE_MODE: u32 = 0o644;

/// Checks the value as the programs do, writes it, and has the daemons read it.
pub(super) fn run(file: Option<&Path>, name: &str, value: &str, out: &mut dyn Write) -> Outcome {
    let key = programs::key(name).ok_or_else(|| Failure::message(unknown(name)))?;
    let value = checked(key, value)?;
    let path = match file {
        Some(path) => std::path::absolute(path).map_err(|error| failure(path, &error))?,
        None => PathBuf::from(ADMINISTRATORS_FILE),
    };
    if let (None, Some(parent)) = (file, path.parent()) {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(parent);
        made.map_err(|error| failure(parent, &error))?;
    }
    // Two at the same time would each keep what only they changed.
    let _lock = FileLock::acquire(&path).map_err(|error| failure(&path, &error))?;
    let old = text_of(&path, file.is_none())?;
    let before = parse(&path, &old)?;
    let text = edit::with_value(&old, name, &value);
    let after = parse(&path, &text)?;
    if text.len() as u64 > CONFIG_FILE_BYTES {
        let reason = format!("would have more than {CONFIG_FILE_BYTES} bytes, which nothing reads");
        return Err(failure(&path, &io::Error::other(reason)));
    }
    write(&path, &text).map_err(|error| failure(&path, &error))?;
    let (shown, line) = after.shown(key);
    let line = line.unwrap_or_default();
    writeln!(out, "{name}={shown} is set in {}, line {line}.", path.display()).map_err(Failure::Output)?;
    let before = Installation::new(&before, file.is_some());
    take_effect(key, before, out)
}

fn unknown(name: &str) -> String {
    match nearest(name) {
        Some(nearest) => format!("unknown key `{name}`; did you mean `{nearest}`?"),
        None => format!("unknown key `{name}`; `telemctl config show` lists them"),
    }
}

/// The value as it stands in a file, if the key takes it. Blanks at its ends are written as `\s`, or they would be lost.
fn checked(key: &dyn AnyKey, value: &str) -> Result<String, Failure> {
    let meant = value.replace("\\s", " ");
    if meant.contains(char::is_control) || !key.allows(&meant) {
        let (name, shown, allowed) = (key.name(), key.shown(&meant), key.allowed());
        return Err(Failure::message(format!("{name}={}: must be {allowed}", shown.escape_debug())));
    }
    let inner = meant.trim_matches(' ');
    let leading = meant.len() - meant.trim_start_matches(' ').len();
    let trailing = meant.len().saturating_sub(leading + inner.len());
    Ok(format!("{}{inner}{}", "\\s".repeat(leading), "\\s".repeat(trailing)))
}

/// The text that is changed. Where the administrator has no file, it is the distribution's: files are not merged, and what
/// that one sets would be lost.
fn text_of(path: &Path, is_of_system: bool) -> Result<String, Failure> {
    match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && is_of_system => {
            match read(Path::new(DISTRIBUTIONS_FILE)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
                text => text.map_err(|error| failure(Path::new(DISTRIBUTIONS_FILE), &error)),
            }
        }
        text => text.map_err(|error| failure(path, &error)),
    }
}

fn read(path: &Path) -> io::Result<String> {
    if path.is_symlink() {
        return Err(io::Error::other("is a link; change the file that it leads to, with --config"));
    }
    let bytes = bounded_file::read_all(&bounded_file::open_regular(path)?, CONFIG_FILE_BYTES)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8 text"))
}

fn parse(path: &Path, text: &str) -> Result<Configuration, Failure> {
    Configuration::parse(path, text).map_err(|error| Failure::message(error.to_string()))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(_) => NEW_FILE_MODE,
    };
    replace_path(path, text.as_bytes(), Attributes::of_directory(mode), Durability::Synced).map(drop)
}

/// Has the running daemons that obey the key read the configuration again; says what they cannot take without a restart.
fn take_effect(key: &dyn AnyKey, before: Result<Installation, ConfigError>, out: &mut dyn Write) -> Outcome {
    let Ok(installation) = before else {
        return writeln!(out, "Start the daemons again: where they run was not known before.")
            .map_err(Failure::Output);
    };
    if needs_restart(key, services::is_managed(&installation)) {
        let how = if installation.is_private {
            "when the daemons are started again"
        } else {
            "with `telemctl restart`"
        };
        return writeln!(out, "It takes effect {how}.").map_err(Failure::Output);
    }
    let obeys = |name: &str| programs::obeying(key.name()).any(|program| program == name);
    for (name, pid) in services::residents(&installation) {
        if obeys(name) {
            services::send_signal(name, pid, Signal::SIGHUP).map_err(|errno| {
                Failure::message(format!(
                    "{name} (pid {pid}) was not reloaded: {errno}; run `kill -HUP {pid}`"
                ))
            })?;
            writeln!(out, "{name} reads it now.").map_err(Failure::Output)?;
        }
    }
    Ok(())
}

/// Whether a reload is not enough: the locks stay where they are as long as a daemon runs, and so do the addresses at which
/// this machine is asked; and systemd's units name directories, sockets and the times of samples.
fn needs_restart(key: &dyn AnyKey, is_managed: bool) -> bool {
    let is_any_of = |names: &[&str]| names.contains(&key.name());
    let is_path = NEEDED_KEYS.iter().any(|path| path.name() == key.name());
    let is_of_unit = is_path || is_any_of(&[ENVIRONMENT_INTERVAL.name]);
    is_any_of(&[RUN_DIR.name, PULL_LISTEN.name, PULL_LOCAL.name]) || (is_of_unit && is_managed)
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => "; run this as root or as the owner of the file",
        _ => "",
    };
    Failure::message(format!("{}: {error}{hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::keys::{SOCKET_PATH, SPOOL_MAX_SIZE};
    use telemetry_config::server::TIDHEADER;

    #[test]
    fn a_value_is_checked_as_the_programs_do_and_keeps_its_blanks() {
        for (value, written) in [
            ("X-Set: 1", "X-Set: 1"),
            ("X-Set:\\s1", "X-Set: 1"),
            ("X-Set: 1 ", "X-Set: 1\\s"),
            ("X-Set: 1\\s\\s", "X-Set: 1\\s\\s"),
        ] {
            assert_eq!(checked(&TIDHEADER, value).unwrap(), written, "{value}");
        }
        for wrong in ["X-Set", "X-Set: 1\nserver=x", ""] {
            assert!(checked(&TIDHEADER, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_a_reload_cannot_take() {
        assert!(needs_restart(&RUN_DIR, false));
        assert!(needs_restart(&SOCKET_PATH, true) && !needs_restart(&SOCKET_PATH, false));
        assert!(!needs_restart(&SPOOL_MAX_SIZE, true));
        for key in [&PULL_LISTEN as &dyn AnyKey, &PULL_LOCAL] {
            assert!(needs_restart(key, true) && needs_restart(key, false));
        }
        assert!(needs_restart(&ENVIRONMENT_INTERVAL, true) && !needs_restart(&ENVIRONMENT_INTERVAL, false));
    }
}
