//! A folder for each shell, and in it files of the names that the shell looks for.
//!
//! ```text
//! OUTPUT_DIR/bash/PROGRAM   zsh/_PROGRAM   fish/PROGRAM.fish
//! ```

use crate::offered::offered;
use clap::Command;
use clap_complete::{Shell, generate};
use std::path::Path;
use std::{fs, io};

/// Folder, shell, and what is before and after a program's name.
const SHELLS: [(&str, Shell, &str, &str); 3] =
    [("bash", Shell::Bash, "", ""), ("zsh", Shell::Zsh, "_", ""), ("fish", Shell::Fish, "", ".fish")];

/// Writes the completions of `commands` below `output_dir`, which is made if it is not there.
///
/// # Errors
/// If a folder or a file cannot be written. Those before it are there.
pub(crate) fn write_all(commands: &[Command], output_dir: &Path) -> io::Result<()> {
    for (folder, shell, before, after) in SHELLS {
        let folder = output_dir.join(folder);
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        for command in commands {
            let program = command.get_name();
            let mut script = Vec::new();
            generate(shell, &mut offered(command), program, &mut script);
            let file = folder.join(format!("{before}{program}{after}"));
            fs::write(&file, script).map_err(|error| unwritable(&file, &error))?;
        }
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
