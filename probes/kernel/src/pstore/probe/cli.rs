//! The command line of pstoreprobe.

use super::settings::Settings;
use super::{print, run as probe};
use crate::log::Privacy;
use clap::Parser;
use std::path::PathBuf;
use telemetry_config::{Configuration, consent};
use telemetry_outbox::sending;

/// Sends a telemetry record for each failure of the kernel that pstoreclean found kept over a restart.
#[derive(Debug, Parser)]
#[command(name = "pstoreprobe", version)]
pub struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Print what would be sent of the dumps in this directory and below, send nothing and remove nothing
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

/// Runs the program.
///
/// # Errors
/// What a person has to know, on one line. What was not reported is kept for the next time.
pub fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let config_file = args.config_file.as_deref().map(sending::absolute);
    let settings = Settings::read(&Configuration::load(config_file.as_deref())?)?;
    let is_unfiltered = consent::has_no_privacy_filters(&settings.probe.etc_dir);
    let privacy = if is_unfiltered { Privacy::Everything } else { Privacy::Filtered };
    if let Some(directory) = &args.from {
        return print::print(directory, privacy);
    }
    let client = sending::client(config_file.as_deref())?;
    client.check_consent()?;
    probe::run(&client, &settings, privacy)
}
