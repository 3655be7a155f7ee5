//! A buffer in front of the database, and the tasks that fetch from other buffers.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::sockets::identity_directory;
use crate::cli::Options;
use crate::start_error::StartError;
use crate::storage::{Address, Engine};
use crate::sync::{
    Buffer, BufferEngine, Fetching, Source, exchange_forever, fetch_forever, keep_buffer, keep_fetched,
    keep_own,
};
use crate::trust::Trust;

const MIB: u64 = 1024 * 1024;
const MINUTE_SECS: i64 = 60;

/// Where is fetched from, and what that needs.
pub(super) type Fetched = (Arc<Fetching>, Vec<Source>);

/// The database as it is used, and the buffer in front of it, if it is one.
pub(super) fn with_buffer(options: &Options, engine: Arc<dyn Engine>) -> (Arc<dyn Engine>, Option<Buffer>) {
    let sync = &options.sync;
    if !sync.buffer {
        return (engine, None);
    }
    let max_bytes = sync.buffer_max_size.saturating_mul(MIB);
    let expiry_secs = sync.buffer_expiry.saturating_mul(MINUTE_SECS);
    let buffer = Buffer::new(engine, max_bytes, expiry_secs, sync.buffer_when_full);
    (Arc::new(BufferEngine(buffer.clone())), Some(buffer))
}

/// Where is fetched from, with what that needs; none: no connection is opened, and no name is looked up.
pub(super) fn sources(
    options: &Options,
    database: &Address,
    engine: &Arc<dyn Engine>,
    trust: &Arc<Trust>,
) -> Result<Option<Fetched>, StartError> {
    let sync = &options.sync;
    if !sync.fetches() {
        return Ok(None);
    }
    let sources = Source::list(&sync.sync_address.join(" "), sync.sync_port).map_err(StartError::Sync)?;
    let directory = identity_directory(options, database);
    let (engine, trust) = (Arc::clone(engine), Arc::clone(trust));
    let fetching = {
        let is_shared = database.is_shared();
        Fetching::new(engine, trust, sync.clone(), directory, options.trust.trust.clone(), is_shared)
    };
    Ok(Some((Arc::new(fetching.map_err(StartError::Trust)?), sources)))
}

/// Starts what goes on beside the server.
pub(super) fn start(
    buffer: Option<&Buffer>,
    sources: Option<Fetched>,
    trust: &Arc<Trust>,
    engine: Option<Arc<dyn Engine>>,
) -> Vec<JoinHandle<()>> {
    // One that fetches no longer has still what it fetched.
    let mut tasks: Vec<_> = engine.map(|engine| tokio::spawn(keep_fetched(engine))).into_iter().collect();
    if let Some(buffer) = buffer {
        tasks.push(tokio::spawn(keep_buffer(buffer.clone())));
        tasks.push(tokio::spawn(buffer.clone().end_leases_of_untrusted(Arc::clone(trust))));
    }
    if let Some((fetching, sources)) = sources {
        for source in &sources {
            tasks.push(tokio::spawn(fetch_forever(Arc::clone(&fetching), source.clone())));
            tasks.push(tokio::spawn(exchange_forever(Arc::clone(&fetching), source.clone())));
        }
        tasks.push(tokio::spawn(keep_own(fetching, sources)));
    }
    tasks
}
