//! hprobe: sends a hello, to show that records arrive.

use clap::Parser;
use probes::hello::{self, Extras};
use probes::sending;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use telemetry::Record;

/// Sends a telemetry record that says hello.
#[derive(Debug, Parser)]
#[command(name = "hprobe", version)]
struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Send a heartbeat (org.clearlinux/heartbeat/ping)
    #[arg(short = 'H', long)]
    heartbeat: bool,
    /// Add the locale
    #[arg(short = 'l', long)]
    locale: bool,
    /// Add the seconds since the machine started
    #[arg(short = 'u', long)]
    uptime: bool,
    /// Add the names of the installed bundles (Clear Linux)
    #[arg(short = 'b', long)]
    bundles: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => {
            println!("Successfully sent record to daemon.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hprobe: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let client = sending::client(args.config_file.as_deref())?;
    let class = if args.heartbeat { hello::HEARTBEAT_CLASS } else { hello::HELLO_CLASS };
    let extras = Extras {
        locale: args.locale.then(hello::locale),
        uptime_secs: if args.uptime { Some(hello::uptime_secs()?) } else { None },
        bundles: args.bundles.then(|| hello::bundles(Path::new(hello::BUNDLES_DIR))),
    };
    let mut record = Record::new(1, class, hello::PAYLOAD_VERSION)?;
    record.set_payload(&hello::payload(&extras))?;
    Ok(sending::send(&client, &record)?)
}
