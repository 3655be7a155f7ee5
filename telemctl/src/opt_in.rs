//! `opt-in`: the consent file, the directories that the daemons of the system work in, the services.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::{environment, identity, pull, services, work_directories};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use telemetry_config::consent::{self, ConsentError, opt_in_path};
use telemetry_files::{Attributes, Durability, replace_path};

/// Gives consent, says what it means, and starts the services where systemd runs them.
pub(crate) fn run(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let etc_dir = &installation.settings.etc_dir;
    match consent::check(etc_dir) {
        Ok(()) => return writeln!(out, "Already opted in. Nothing to do.").map_err(Failure::Output),
        Err(ConsentError::Missing(_)) => {}
        Err(unreadable) => return Err(unreadable.into()),
    }
    let path = opt_in_path(etc_dir);
    give_consent(etc_dir).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied => "run this as root or as the owner of the directory",
            _ => "not opted in",
        };
        Failure::message(format!("{} cannot be made: {error}; {remedy}", path.display()))
    })?;
    let directories = if installation.is_private { Ok(()) } else { work_directories::make(installation) };
    let explained = explain(installation, &path, out);
    directories.map_err(|error| Failure::message(format!("opted in, but {error}")))?;
    open_window(installation)?;
    if services::is_managed(installation) {
        services::start_units(installation).map_err(|reason| {
            Failure::message(format!("opted in, but not all is started: {reason}; then run `telemctl start`"))
        })?;
    }
    // Last, since nobody need read it for the rest to be done.
    explained.map_err(Failure::Output)
}

/// Opens the window of `trust_first_use`, before a daemon meets a server. No start of a daemon opens it again.
fn open_window(installation: &Installation) -> Outcome {
    match installation.settings.trust_first_use_minutes {
        0 => Ok(()),
        minutes => identity::open_window(installation, "telempostd", minutes).map_err(|failure| {
            Failure::message(format!("opted in, but no server is trusted by first use: {failure}"))
        }),
    }
}

/// Makes the consent file. All users may see it, whatever the umask: the library checks for it in every
/// process that sends.
fn give_consent(etc_dir: &Path) -> io::Result<()> {
    if !etc_dir.exists() {
        DirBuilder::new().recursive(true).mode(0o755).create(etc_dir)?;
        fs::set_permissions(etc_dir, Permissions::from_mode(0o755))?;
    }
    replace_path(&opt_in_path(etc_dir), b"", Attributes::new(0o644), Durability::Synced).map(drop)
}

fn explain(installation: &Installation, path: &Path, out: &mut dyn Write) -> io::Result<()> {
    let option = match (&installation.source, installation.is_private) {
        (telemetry_config::Source::File(file), true) => format!(" --config {}", file.display()),
        _ => String::new(),
    };
    writeln!(out, "Opted in: {} is there.", path.display())?;
    writeln!(out, "Collected from now on: crashes of programs, faults that the kernel and services report,")?;
    writeln!(out, "and a regular sign of life, each with facts about this machine's hardware and system.")?;
    if let Some(words) = environment::switched_on(&installation.settings.environment) {
        writeln!(out, "Besides, {words}; `telemctl{option} preview --environment` shows one.")?;
    }
    if let Some(words) = pull::switched_on(&installation.settings.pull) {
        writeln!(out, "Besides, {words}; `telemctl{option} pull` shows who is answered.")?;
    }
    if environment::has_checks(&installation.settings.etc_dir) {
        writeln!(
            out,
            "Besides, the checks of checks.d are run, and a record is sent when the state of one changes."
        )?;
    }
    writeln!(out, "  telemctl{option} preview   shows what a record says and where it goes")?;
    writeln!(out, "  telemctl{option} journal   lists the records that were sent")?;
    writeln!(out, "  telemctl{option} opt-out   ends it and removes what is kept here")?;
    if !services::is_managed(installation) {
        writeln!(out, "Start the daemons with {}.", installation.by_hand())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::consent::is_opted_in;

    #[test]
    fn consent_can_be_seen_by_all() {
        let dir = tempfile::tempdir().unwrap();
        let etc_dir = dir.path().join("a/etc");
        give_consent(&etc_dir).unwrap();
        assert!(is_opted_in(&etc_dir));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&etc_dir), mode(&opt_in_path(&etc_dir))), (0o755, 0o644));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_consent_and_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        std::os::unix::fs::symlink(&target, opt_in_path(dir.path())).unwrap();
        assert!(!is_opted_in(dir.path()));
        give_consent(dir.path()).unwrap();
        assert!(is_opted_in(dir.path()));
        assert!(!target.exists());
    }
}
