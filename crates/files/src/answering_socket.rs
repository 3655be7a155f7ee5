//! Which socket a telemprobd answers at that answers: a sender whose connection ends without an answer knows by it whether
//! a record is lost, or the daemon is one of the C implementation, which never answers.
//!
//! ```text
//! RUN_DIR/telemprobd.answers   DEVICE INODE SECONDS NANOSECONDS\n   of the socket's file, the times its last change
//! ```
//!
//! It is written before the daemon listens, and removed at a clean end. A daemon that is killed leaves it; another one that
//! binds the socket anew has another file there, which it does not name.

use crate::bounded_file::{open_regular, read_all};
use crate::directory::open_directory;
use crate::replace::{Attributes, Durability, remove, replace_path};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Its name.
const NAME: &str = "telemprobd.answers";

/// Four numbers of 64 bits, and what parts them.
const MAX_BYTES: u64 = 4 * 21;

/// Notes that whoever sends to this socket is answered.
///
/// # Errors
/// The socket is not there, or the note cannot be written.
pub fn note(run_dir: &Path, socket: &Path) -> io::Result<()> {
    let line = line(socket)?;
    replace_path(&run_dir.join(NAME), line.as_bytes(), Attributes::new(0o644), Durability::Atomic).map(drop)
}

/// Takes the note back. That there is none is no error.
///
/// # Errors
/// As `unlink`.
pub fn forget(run_dir: &Path) -> io::Result<()> {
    remove(open_directory(run_dir)?, NAME)
}

/// Whether whoever sends to this socket is answered, as far as that is noted.
pub fn is_noted(run_dir: &Path, socket: &Path) -> bool {
    let noted = open_regular(&run_dir.join(NAME)).and_then(|file| read_all(&file, MAX_BYTES));
    let Ok(noted) = noted else { return false };
    line(socket).is_ok_and(|line| line.as_bytes() == noted)
}

fn line(socket: &Path) -> io::Result<String> {
    let file = std::fs::metadata(socket)?;
    Ok(format!("{} {} {} {}\n", file.dev(), file.ino(), file.ctime(), file.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_is_noted_until_it_is_another_one_or_the_note_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        note(dir.path(), &socket).unwrap_err();
        assert!(!is_noted(dir.path(), &socket));
        let first = UnixListener::bind(&socket).unwrap();
        note(dir.path(), &socket).unwrap();
        assert!(is_noted(dir.path(), &socket));
        std::fs::remove_file(&socket).unwrap();
        assert!(!is_noted(dir.path(), &socket));
        let _second = UnixListener::bind(&socket).unwrap();
        assert!(!is_noted(dir.path(), &socket), "even if it got the number of the first");
        drop(first);
        note(dir.path(), &socket).unwrap();
        forget(dir.path()).unwrap();
        forget(dir.path()).unwrap();
        assert!(!is_noted(dir.path(), &socket));
        std::fs::write(dir.path().join(NAME), "x".repeat(1000)).unwrap();
        assert!(!is_noted(dir.path(), &socket));
    }
}
