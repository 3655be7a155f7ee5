//! Making the work directories of the system anew, for daemons that may not make them themselves.
//! (At boot tmpfiles.d does it; opt-out removes them, and opt-in need not wait for the next boot.)

use super::{check_ids, daemon_ids};
use crate::installation::Installation;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use telemetry_store::check_states;
use telemetry_store::forget::FORGET_DIR;
use telemetry_store::preimages::PREIMAGES_DIR;

/// Makes those that are missing, for the user and group `telemetry`. Where there is no such user the
/// daemons run as root and make them.
///
/// # Errors
/// One line that names the directory.
pub(crate) fn make(installation: &Installation) -> Result<(), String> {
    let Some((uid, gid)) = daemon_ids() else { return Ok(()) };
    let settings = &installation.settings;
    let private = Mode::from_bits_truncate(0o750);
    let public = Mode::from_bits_truncate(0o755);
    let secret = Mode::from_bits_truncate(0o700);
    let mut directories: Vec<(PathBuf, Mode)> = vec![
        (settings.state_dir.clone(), public),
        (settings.state_dir.join("identity"), public),
        (settings.state_dir.join(PREIMAGES_DIR), secret),
        (settings.state_dir.join(FORGET_DIR), secret),
        (settings.spool_dir.clone(), private),
        (settings.log_dir.clone(), private),
        (settings.log_dir.join("records"), private),
        (settings.cache_dir.clone(), private),
        (settings.cache_dir.join("pstore"), private),
    ];
    // What lies below /run, systemd makes with the daemons.
    if !settings.run_dir.starts_with("/run") {
        directories.push((settings.run_dir.clone(), public));
    }
    for (path, mode) in directories {
        make_one(&path, mode, uid, gid)
            .map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
    }
    // Where checks are installed they have a user of their own.
    if let Some((uid, gid)) = check_ids() {
        let path = settings.state_dir.join(check_states::DIRECTORY);
        make_one(&path, public, uid, gid)
            .map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
    }
    Ok(())
}

fn make_one(path: &Path, mode: Mode, uid: Uid, gid: Gid) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    // By descriptor: it may lie in a directory of that user, who could put a link to something of root's
    // in its place.
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let dir = open(path, flags, Mode::empty())?;
    if fstat(&dir)?.st_uid != Uid::effective().as_raw() {
        return Err(io::Error::other("it was replaced while it was made"));
    }
    fchmod(&dir, mode)?;
    Ok(fchown(&dir, Some(uid), Some(gid))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_is_made_once_with_its_mode() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/spool");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        make_one(&path, Mode::from_bits_truncate(0o750), Uid::effective(), Gid::effective()).unwrap();
        assert_eq!(mode(&path), 0o750);
        // One that is there stays as its owner has it.
        make_one(&path, Mode::from_bits_truncate(0o755), Uid::effective(), Gid::effective()).unwrap();
        assert_eq!(mode(&path), 0o750);
    }
}
