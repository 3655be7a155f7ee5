//! One instance of each daemon per `run_dir`: a lock on `RUN_DIR/NAME.lock`, which the kernel releases
//! however the process ends. Only the daemon's user can open that file: any lock that another user could take on
//! it, even a shared one, would keep the daemon from starting. `RUN_DIR/NAME.pid` shows everybody its process id.

use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use telemetry_files::{Attributes, Durability, Owner, bounded_file, open_lock_file, replace_path};

/// Longest file that holds a process id.
const PID_BYTES: u64 = 16;

/// The lock of a running daemon, released when it is dropped.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

/// Why the lock could not be acquired.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// Another process holds it.
    #[error("{name} is already running with run_dir={} (pid {pid}); stop it first, or set another run_dir", run_dir.display())]
    Taken {
        /// The daemon.
        name: String,
        /// The directory of the lock.
        run_dir: PathBuf,
        /// Its holder; 0 if that has not written its process id yet.
        pid: u32,
    },
    /// The lock file cannot be created.
    #[error("{}: {source}; run_dir must be writable for the daemon's user", path.display())]
    Io {
        /// The lock file or its directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl InstanceLock {
    /// Acquires the lock of the daemon `name`; creates `run_dir` if it does not exist.
    ///
    /// # Errors
    /// [`InstanceError`].
    pub fn acquire(run_dir: &Path, name: &str) -> Result<Self, InstanceError> {
        let path = lock_path(run_dir, name);
        let io_error = |source| InstanceError::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o755).create(run_dir).map_err(io_error)?;
        let file = open_lock_file(&path, Owner::Writer).map_err(io_error)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))) {
            Ok(_) => {}
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => {
                let pid = read_pid(run_dir, name).unwrap_or(0);
                return Err(InstanceError::Taken { name: name.to_owned(), run_dir: run_dir.to_owned(), pid });
            }
            Err(errno) => return Err(io_error(errno.into())),
        }
        write_pid(run_dir, name).map_err(io_error)?;
        Ok(Self { _file: file })
    }
}

/// The process id of the running daemon `name`; none if none is running. For a user who may not open the lock,
/// a process of that id and name decides.
///
/// # Errors
/// The lock file exists but its lock cannot be queried.
pub fn running_pid(run_dir: &Path, name: &str) -> io::Result<Option<u32>> {
    let pid = || read_pid(run_dir, name);
    let file = match bounded_file::open_regular_nofollow(&lock_path(run_dir, name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(pid().filter(|pid| program_of(*pid).as_deref() == Some(name)));
        }
        file => file?,
    };
    // Asks which lock would conflict, without taking one.
    let mut lock = whole_file(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    if i32::from(lock.l_type) == libc::F_UNLCK { Ok(None) } else { Ok(pid()) }
}

fn lock_path(run_dir: &Path, name: &str) -> PathBuf {
    run_dir.join(format!("{name}.lock"))
}

fn pid_path(run_dir: &Path, name: &str) -> PathBuf {
    run_dir.join(format!("{name}.pid"))
}

fn write_pid(run_dir: &Path, name: &str) -> io::Result<()> {
    let text = format!("{}\n", std::process::id());
    // Everybody may read it.
    let attributes = Attributes::new(0o644);
    replace_path(&pid_path(run_dir, name), text.as_bytes(), attributes, Durability::Atomic).map(drop)
}

fn read_pid(run_dir: &Path, name: &str) -> Option<u32> {
    let file = bounded_file::open_regular_nofollow(&pid_path(run_dir, name)).ok()?;
    let bytes = bounded_file::read_all(&file, PID_BYTES).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

/// The name of the program that runs as this process.
fn program_of(pid: u32) -> Option<String> {
    let name = bounded_file::read_head(Path::new(&format!("/proc/{pid}/comm")), 64).ok()?;
    Some(String::from_utf8_lossy(&name).trim().to_owned())
}

/// A lock of this type over all of a file. It belongs to the open file, not to the process, so that it
/// conflicts within one process too and no other descriptor's closing frees it.
#[allow(clippy::cast_possible_truncation)] // The constants are small; their C type differs by platform.
fn whole_file(lock_type: i32) -> libc::flock {
    libc::flock {
        l_type: lock_type as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_the_daemons_user_can_open_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let _lock = InstanceLock::acquire(dir.path(), "telempostd").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(lock_path(dir.path(), "telempostd")), 0o600);
        assert_eq!(mode(pid_path(dir.path(), "telempostd")), 0o644);
        assert!(program_of(std::process::id()).is_some());
    }

    #[test]
    fn a_second_instance_is_refused_until_the_first_ends() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = dir.path().join("run");
        assert_eq!(running_pid(&run_dir, "telempostd").unwrap(), None);
        let lock = InstanceLock::acquire(&run_dir, "telempostd").unwrap();
        assert_eq!(running_pid(&run_dir, "telempostd").unwrap(), Some(std::process::id()));
        assert_eq!(running_pid(&run_dir, "telemprobd").unwrap(), None);
        let error = InstanceLock::acquire(&run_dir, "telempostd").unwrap_err();
        assert!(matches!(error, InstanceError::Taken { pid, .. } if pid == std::process::id()));
        let _other = InstanceLock::acquire(&run_dir, "telemprobd").unwrap();
        drop(lock);
        assert_eq!(running_pid(&run_dir, "telempostd").unwrap(), None);
        let _again = InstanceLock::acquire(&run_dir, "telempostd").unwrap();
    }
}
