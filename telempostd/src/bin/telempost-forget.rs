//! telempost-forget: asks servers to forget what they were sent of this machine. telemctl starts it at opt-out, and then
//! telempost-forget.timer, until that is done.

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use telemetry_runtime::{command_line, logging};
use telempostd::forget;

#[derive(Parser)]
#[command(
    name = "telempost-forget",
    version,
    about = "Asks servers to forget what they were sent of this machine"
)]
struct Args {
    /// Configuration file, an absolute path [default: the first of /etc and /usr/share/defaults]
    #[arg(short = 'f', long = "config_file", value_name = "FILE", global = true)]
    config_file: Option<PathBuf>,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Makes the requests, and prints how many ids cannot be proven
    Prepare,
    /// Sends those that are due; the same as without a command
    Try {
        /// All of them, once
        #[arg(long)]
        all: bool,
        /// For so many seconds
        #[arg(long, default_value_t = 60)]
        wait: u64,
    },
    /// Prints them as commands, without keeping or sending them
    Print,
}

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("telempost-forget");
    let task = args.task.unwrap_or(Task::Try { all: false, wait: 60 });
    match run(args.config_file.as_deref(), &task) {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("telempost-forget: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(config_file: Option<&Path>, task: &Task) -> Result<Vec<String>, String> {
    let settings = forget::settings(config_file)?;
    let result = match task {
        Task::Prepare => forget::prepare(&settings).map(|pending| vec![pending.unprovable.to_string()]),
        Task::Try { all, wait } => forget::attempt(&settings, *all, Duration::from_secs(*wait)),
        Task::Print => forget::look(&settings).map(|pending| forget::commands(&pending)),
    };
    result.map_err(|error| error.to_string())
}
