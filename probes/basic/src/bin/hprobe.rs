//! hprobe: sends a hello, to show that records arrive.

use std::path::Path;
use std::process::ExitCode;
use telemetry::Record;
use telemetry_basic_probes::cli::Hprobe;
use telemetry_basic_probes::hello::{self, Extras};
use telemetry_outbox::sending;
use telemetry_record::harmless;
use telemetry_runtime::command_line;

fn main() -> ExitCode {
    match run(&command_line::parse::<Hprobe>()) {
        Ok(()) => {
            println!("Successfully sent record to daemon.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hprobe: {}", harmless::word(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Hprobe) -> Result<(), Box<dyn std::error::Error>> {
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
