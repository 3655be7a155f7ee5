//! The command line of klogscanner.

use super::{run as daemon, text};
use crate::log::Privacy;
use clap::Parser;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use telemetry_config::{Configuration, consent};
use telemetry_outbox::{ProbeSettings, sending};

/// Follows the kernel's log and sends a telemetry record for each failure of the kernel.
#[derive(Debug, Parser)]
#[command(name = "klogscanner", version)]
pub struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Print what would be sent of this log (dmesg, journalctl -k, a serial console; - is standard input), send nothing
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs the program.
///
/// # Errors
/// What a person has to know, on one line.
pub fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let config_file = args.config_file.as_deref().map(sending::absolute);
    let settings = ProbeSettings::read(&Configuration::load(config_file.as_deref())?)?;
    let privacy = privacy(&settings);
    if let Some(path) = &args.file {
        return print(path, privacy);
    }
    let client = sending::client(config_file.as_deref())?;
    client.check_consent()?;
    daemon::run(&client, &settings, privacy)
}

/// Whether the administrator wants addresses and registers to be sent.
fn privacy(settings: &ProbeSettings) -> Privacy {
    if consent::has_no_privacy_filters(&settings.etc_dir) { Privacy::Everything } else { Privacy::Filtered }
}

fn print(path: &Path, privacy: Privacy) -> Result<(), Box<dyn std::error::Error>> {
    if path == Path::new("-") {
        return print_records(path, io::stdin().lock(), privacy);
    }
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    print_records(path, BufReader::with_capacity(1 << 16, file), privacy)
}

/// Each record as it is found: a log may have more of them than there is memory.
fn print_records(path: &Path, log: impl BufRead, privacy: Privacy) -> Result<(), Box<dyn std::error::Error>> {
    // Standard output alone is written line by line.
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut count = 0_u64;
    let fault = text::records(log, privacy, |record| {
        count += 1;
        writeln!(out, "# {}, severity {}\n{}", record.class, record.severity, record.payload)
    })?;
    match count {
        1 => writeln!(out, "# 1 record would be sent")?,
        count => writeln!(out, "# {count} records would be sent")?,
    }
    out.flush()?;
    match fault {
        Some(fault) => Err(format!("{}: {fault}", path.display()).into()),
        None => Ok(()),
    }
}
