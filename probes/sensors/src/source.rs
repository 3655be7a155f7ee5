//! Where readings come from: `/proc` and `/sys`, or a made-up pair of them.

use crate::error::SensorError;
use crate::limits::PROC_BYTES;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;

/// The kernel's files.
#[derive(Clone, Debug)]
pub struct Source {
    root: PathBuf,
    proc: PathBuf,
    sys: PathBuf,
}

impl Source {
    /// Those of this machine.
    pub fn machine() -> Self {
        Self::below(Path::new("/"))
    }

    /// Those below another root.
    pub fn below(root: &Path) -> Self {
        Self { root: root.to_owned(), proc: root.join("proc"), sys: root.join("sys") }
    }

    /// The text of a file below `/proc`.
    pub(crate) fn proc(&self, name: &str) -> Result<String, SensorError> {
        let path = self.proc.join(name);
        read(&path, PROC_BYTES).map_err(|error| SensorError::file(path.display(), &error))
    }

    /// The same for a file that this kernel need not have: none where it does not, or where it was switched off.
    pub(crate) fn proc_if_there(&self, name: &str) -> Result<Option<String>, SensorError> {
        let path = self.proc.join(name);
        match read(&path, PROC_BYTES) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(SensorError::file(path.display(), &error)),
        }
    }

    /// A path below `/proc`.
    pub(crate) fn proc_path(&self, name: &str) -> PathBuf {
        self.proc.join(name)
    }

    /// A path below the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A path below `/sys`.
    pub(crate) fn sys_path(&self, name: &str) -> PathBuf {
        self.sys.join(name)
    }
}

/// The head of a file; U+FFFD stands for what is not UTF-8.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&bounded_file::read_head(path, limit)?).into_owned())
}

/// Files that other kernels have. `/proc/pressure` is there, and says `EOPNOTSUPP`, where it was switched off at the start.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENOTDIR | libc::EOPNOTSUPP | libc::ENODEV | libc::ENXIO)
    )
}

/// The names in a directory; none where it is not there.
pub(crate) fn names(path: &Path, limit: usize) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.take(limit).collect())
}
