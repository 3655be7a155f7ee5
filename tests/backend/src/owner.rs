//! Root becomes the user that a collector runs as, before it touches what is that user's.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Uid, geteuid, setgid, setgroups, setuid};

/// Root becomes the owner of a directory, or of the one that it is to be made in. Nobody else changes.
///
/// # Errors
/// As the system says.
pub(crate) fn become_owner(directory: &Path) -> io::Result<()> {
    let there = directory.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::fs::metadata(path).ok()
    });
    match there {
        Some(owner) if geteuid().is_root() && owner.uid() != 0 => {
            setgroups(&[])?;
            setgid(Gid::from_raw(owner.gid()))?;
            Ok(setuid(Uid::from_raw(owner.uid()))?)
        }
        _ => Ok(()),
    }
}
