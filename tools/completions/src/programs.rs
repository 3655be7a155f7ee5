//! The command lines, as the programs themselves have them.

use clap::{Command, CommandFactory};

/// Every program that people call by its name. `make install` misses the completions of one that is not here.
pub(crate) fn commands() -> Vec<Command> {
    vec![
        probes::cli::Hprobe::command(),
        probes::cli::TelemRecordGen::command(),
        probes::crash::handler::Args::command(),
        probes::journal::Args::command(),
        probes::klogscanner::Args::command(),
        probes::pstore::clean::Args::command(),
        probes::pstore::probe::Args::command(),
        telem_collector::cli::Options::command(),
        telemctl::cli::TelemJournal::command(),
        telemctl::cli::Telemctl::command(),
        telemetry_runtime::cli::Telempostd::command(),
        telemetry_runtime::cli::Telemprobd::command(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_command_line_contradicts_itself() {
        for command in super::commands() {
            command.debug_assert();
        }
    }
}
