//! Sends one record, as a program of yours would.
//!
//! ```text
//! cargo run -p libtelemetry --example send -- [CONFIG_FILE]
//! ```

use std::path::Path;
use std::process::ExitCode;
use telemetry::{Client, Error, Record};

fn main() -> ExitCode {
    match send(std::env::args_os().nth(1).as_ref().map(Path::new)) {
        Ok(()) => {
            println!("The record is stored and will be delivered.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("send: {error}");
            ExitCode::FAILURE
        }
    }
}

fn send(config_file: Option<&Path>) -> Result<(), Error> {
    let client = match config_file {
        Some(path) => Client::with_config_file(path)?,
        None => Client::new()?,
    };
    let mut record = Record::new(1, "org.example/backup/finished", 1)?;
    record.set_payload("files: 1204\nseconds: 31\n")?;
    client.send(&record)
}
