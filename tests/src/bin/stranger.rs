//! `stranger SOCKET`: another user's clients, as ordered on stdin. See `system_tests::torture::rude`.

use std::io::{stdin, stdout};
use std::path::Path;
use std::process::ExitCode;
use system_tests::torture::rude;

fn main() -> ExitCode {
    let Some(socket) = std::env::args_os().nth(1) else {
        eprintln!("usage: stranger SOCKET");
        return ExitCode::from(2);
    };
    match rude::obey(Path::new(&socket), stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stranger: {error}");
            ExitCode::FAILURE
        }
    }
}
