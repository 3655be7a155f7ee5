//! telem-record-gen: a record from the command line, for scripts.

use std::io::Write;
use std::process::ExitCode;
use telemetry::Record;
use telemetry_basic_probes::cli::TelemRecordGen;
use telemetry_basic_probes::payload_source::PayloadSource;
use telemetry_outbox::sending;
use telemetry_record::harmless;
use telemetry_runtime::command_line;

fn main() -> ExitCode {
    match run(command_line::parse::<TelemRecordGen>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("telem-record-gen: {}", harmless::word(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(args: TelemRecordGen) -> Result<(), Box<dyn std::error::Error>> {
    let client = sending::client(args.config_file.as_deref())?;
    // Before standard input is waited for: nobody types a payload for nothing.
    if !args.no_post {
        client.check_consent()?;
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
