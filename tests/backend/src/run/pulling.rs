//! The machines that are asked.

use std::sync::Arc;

use crate::cli::Options;
use crate::pull::{PlanSource, PullError, Puller};
use crate::start_error::StartError;
use crate::storage::Address;
use crate::trust::Renewal;

use super::sockets::identity_directory;

/// Who asks machines, where there is a file that may name some, and what they answer can be stored. Blocks.
pub(super) fn puller(
    options: &Options,
    database: &Address,
    writes: bool,
    renewal: Option<Arc<Renewal>>,
) -> Result<Option<Puller>, StartError> {
    let Some(file) = options.config.clone().filter(|_| writes) else { return Ok(None) };
    let identity = identity_directory(options, database);
    let source = PlanSource { file, identity, renewal, is_buffer: options.sync.buffer };
    Puller::new(source).map(Some).map_err(|error: PullError| StartError::Pull(error))
}
