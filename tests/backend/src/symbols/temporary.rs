//! A file without a name: it goes with the process, however that ends.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;

/// On disk, by the standard of file systems, where `/tmp` may be memory.
const ON_DISK: &str = "/var/tmp";

/// Makes one, to write and to read.
///
/// # Errors
/// If there is no room for it.
pub(super) fn file() -> io::Result<File> {
    let mut random = [0; 8];
    SysRng.try_fill_bytes(&mut random).map_err(io::Error::other)?;
    let name = format!("telem-collector-{:016x}", u64::from_ne_bytes(random));
    let path = directory().join(name);
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn directory() -> PathBuf {
    let given = std::env::var_os("TMPDIR").map(PathBuf::from);
    let on_disk = Some(PathBuf::from(ON_DISK));
    given.or(on_disk).filter(|path| Path::is_dir(path)).unwrap_or_else(std::env::temp_dir)
}
