//! What the program does instead of collecting.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::PathBuf;

use crate::cli::{Command, Keep};
use crate::setup;
use crate::start_error::{StartError, print};
use crate::storage::postgres::Url;
use crate::storage::{Archive, Purpose};
use crate::timestamp::now_secs;
use crate::transfer::{ImportError, export, import, import_flask};

/// Does what a command says.
pub(crate) fn run(command: &Command) -> Result<(), StartError> {
    match command {
        Command::Migrate { database, dry_run } => {
            let address = database.address().map_err(StartError::Database)?;
            let migration = address.migrate(*dry_run).map_err(StartError::Database)?;
            print(&migration.to_string())
        }
        Command::Setup { remove } => print(&setup::run(*remove).map_err(StartError::Setup)?),
        Command::Export { database } => {
            let address = database.address().map_err(StartError::Database)?;
            let engine = address.open_reading().map_err(StartError::Database)?;
            let mut archive = engine.archive(Purpose::Export).map_err(StartError::Storage)?;
            let out = BufWriter::new(io::stdout().lock());
            export(&mut *archive, out).map_err(StartError::Export)
        }
        Command::Import { file, flask, database, keep } => {
            let address = database.address().map_err(StartError::Database)?;
            let engine = address.open().map_err(StartError::Database)?;
            let mut archive = engine.archive(Purpose::Maintain).map_err(StartError::Storage)?;
            match flask {
                Some(url) => take_flask(&mut *archive, url, keep),
                None => take_export(&mut *archive, file.as_ref(), keep),
            }
        }
    }
}

fn take_flask(archive: &mut dyn Archive, url: &Url, keep: &Keep) -> Result<(), StartError> {
    let summary = import_flask(archive, url, &keep.rules(), now_secs()).map_err(StartError::Import)?;
    print(&summary.to_string())
}

fn take_export(archive: &mut dyn Archive, file: Option<&PathBuf>, keep: &Keep) -> Result<(), StartError> {
    let open = |path: &PathBuf| File::open(path).map(BufReader::new);
    let input: Box<dyn BufRead> = match file {
        Some(path) => Box::new(open(path).map_err(|error| StartError::Import(ImportError::Read(error)))?),
        None => Box::new(io::stdin().lock()),
    };
    let summary = import(archive, input, &keep.rules(), now_secs()).map_err(StartError::Import)?;
    print(&summary.to_string())
}
