//! `telem-collector migrate`: brings a file to today's schema, or says what that would be.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::open::{self, Location};
use super::schema::{self, STEPS};
use crate::storage::{Migration, OpenError, Purpose};

/// Takes the steps that a file has not taken yet; with `dry_run` nothing is changed.
///
/// # Errors
/// As for [`super::Sqlite::open`].
pub fn migrate(path: &Path, dry_run: bool) -> Result<Migration, OpenError> {
    let explain = |error| open::explain(path, error);
    if dry_run && !path.exists() {
        return Ok(from_version(0));
    }
    let lock = open::prepare_file(path)?;
    let mut connection = if dry_run {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(explain)?
    } else {
        Location::File(path.to_owned()).connect(Purpose::Append).map_err(explain)?
    };
    open::check(&connection, path)?;
    let migration = match schema::steps_taken(&connection).map_err(explain)? {
        Ok(taken) => from_version(taken),
        Err(state) => {
            open::settle(Ok(state), path)?;
            from_version(STEPS.len())
        }
    };
    if !dry_run {
        open::settle(schema::prepare(&mut connection), path)?;
    }
    drop((connection, lock));
    Ok(migration)
}

fn from_version(taken: usize) -> Migration {
    Migration { from: taken, steps: STEPS.iter().skip(taken).map(|step| step.what).collect() }
}
