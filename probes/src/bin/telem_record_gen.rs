//! telem-record-gen: a record from the command line, for scripts.

use clap::Parser;
use probes::payload_source::PayloadSource;
use probes::sending;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use telemetry::{Error, Record};

/// Makes a telemetry record and sends it. Without -p or -P the payload is read from standard input.
#[derive(Debug, Parser)]
#[command(name = "telem-record-gen", version)]
struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config-file", visible_alias = "config_file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Severity: 1 low, 2 medium, 3 high, 4 critical
    #[arg(short, long, value_name = "1..4", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    severity: u32,
    /// Classification, DOMAIN/PROBE/REST: three parts of at most 40 bytes
    #[arg(short = 'c', long, value_name = "CLASS")]
    class: String,
    /// The payload itself
    #[arg(short, long, value_name = "TEXT", conflicts_with = "payload_file")]
    payload: Option<String>,
    /// File with the payload; what is past 8192 bytes is left out
    #[arg(short = 'P', long, value_name = "FILE")]
    payload_file: Option<PathBuf>,
    /// Version of the payload's format
    #[arg(short = 'R', long, value_name = "N", default_value_t = 1)]
    record_version: u32,
    /// Event id to group records by: 32 lowercase hexadecimal digits [default: random]
    #[arg(short, long, value_name = "ID")]
    event_id: Option<String>,
    /// Print the record
    #[arg(short = 'o', long)]
    echo: bool,
    /// Do not send the record
    #[arg(short, long)]
    no_post: bool,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("telem-record-gen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let client = sending::client(args.config_file.as_deref())?;
    // Before standard input is waited for: nobody types a payload for nothing.
    if !args.no_post && !client.is_opted_in() {
        return Err(Error::NotOptedIn.into());
    }
    let mut record = Record::new(args.severity, &args.class, args.record_version)?;
    if let Some(id) = &args.event_id {
        record.set_event_id(id)?;
    }
    let source = match (args.payload, args.payload_file) {
        (Some(text), _) => PayloadSource::Text(text),
        (None, Some(path)) => PayloadSource::File(path),
        (None, None) => PayloadSource::Stdin,
    };
    record.set_payload(&source.read()?)?;
    if args.echo {
        let payload = record.payload().unwrap_or_default();
        let newline = if payload.ends_with('\n') { "" } else { "\n" };
        let text = format!("{}{payload}{newline}", record.headers().as_str());
        std::io::stdout().write_all(text.as_bytes())?;
    }
    if !args.no_post {
        sending::send(&client, &record)?;
    }
    Ok(())
}
