//! Where the core comes from: standard input, which is the kernel's pipe, or a file.

use super::link::Core;
use std::fs::File;
use std::io::{self, IsTerminal, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::Path;

/// Opens the core. Standard input is taken away, so that only the result holds the pipe.
///
/// # Errors
/// A sentence for the person.
pub fn open(core_file: Option<&Path>) -> Result<Core, String> {
    let (file, name) = match core_file {
        Some(path) => (File::open(path), path.display().to_string()),
        None if io::stdin().is_terminal() => {
            return Err("no core: name a file with -c, or give one on standard input".to_owned());
        }
        None => (take_stdin(), "standard input".to_owned()),
    };
    file.and_then(kind_of).map_err(|error| format!("{name}: {error}"))
}

fn kind_of(mut file: File) -> io::Result<Core> {
    let kind = file.metadata()?;
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Ok(Core::Stream(file));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(Core::Regular(file))
}

fn take_stdin() -> io::Result<File> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    release_stdin()?;
    Ok(file)
}

/// Lets go of standard input: the kernel's pipe, by which it holds the process.
///
/// # Errors
/// There is no `/dev/null`.
pub fn release_stdin() -> io::Result<()> {
    Ok(nix::unistd::dup2_stdin(File::open("/dev/null")?)?)
}
