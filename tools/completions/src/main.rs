//! Writes the shell completions of all programs into a directory. The build runs it; it is not installed.

mod offered;
mod programs;
mod shells;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(output_dir), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: completions OUTPUT_DIR");
        return ExitCode::from(2);
    };
    match shells::write_all(&programs::commands(), &PathBuf::from(output_dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("completions: {error}");
            ExitCode::FAILURE
        }
    }
}
