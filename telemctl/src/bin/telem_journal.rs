//! `telem_journal`: the same as `telemctl journal`, under the name that older scripts know.

use std::process::ExitCode;

fn main() -> ExitCode {
    telemctl::run_telem_journal()
}
