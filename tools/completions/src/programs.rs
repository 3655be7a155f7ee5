//! The command lines, as the programs themselves have them.

use clap::{Command, CommandFactory};

/// Every program that people call by its name. `make install` misses the completions of one that is not here.
pub(crate) fn commands() -> Vec<Command> {
    vec![
        telemetry_basic_probes::cli::Hprobe::command(),
        telemetry_basic_probes::cli::TelemRecordGen::command(),
        checkprobe::cli::Checkprobe::command(),
        crashprobe::Args::command(),
        envprobe::cli::Envprobe::command(),
        telemetry_journal::Args::command(),
        telemetry_kernel::klogscanner::Args::command(),
        telemetry_kernel::pstore::clean::Args::command(),
        telemetry_kernel::pstore::probe::Args::command(),
        telem_collector::cli::Options::command(),
        telemctl::cli::TelemJournal::command(),
        telemctl::cli::Telemctl::command(),
        telempostd::cli::Args::command(),
        telemprobd::cli::Args::command(),
        telempulld::cli::Args::command(),
    ]
}

#[cfg(test)]
mod tests;
