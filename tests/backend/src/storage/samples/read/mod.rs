//! What pages ask about machines, their samples and their checks.

mod beside;
mod checks;
mod lines;
mod machines;
mod planned;

pub use beside::{Beside, BesideMachine};
pub use checks::CheckChange;

use crate::samples::MachineKey;
use crate::storage::StorageError;
use crate::storage::sql::{Select, first};

/// The number by which tables know a machine.
fn machine_id(sql: &mut dyn Select, key: &MachineKey) -> Result<Option<i64>, StorageError> {
    let query = "SELECT id FROM state_machine WHERE kind = $1 AND name = $2";
    first(sql, query, &[key.kind().into(), key.text().into()])?.map(|mut row| row.int()).transpose()
}
