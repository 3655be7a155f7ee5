//! `make bench`: what a record costs, beside a floor measured in the same run. A single time on a noisy
//! machine says little; the ratio to the floor is what counts.

use std::process::ExitCode;
use system_tests::bench;

fn main() -> ExitCode {
    let groups: Vec<_> = std::env::args().skip(1).collect();
    match bench::run(&groups) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
