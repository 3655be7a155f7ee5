//! Sessions for queries, each used by one query at a time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::{Engine, Purpose, Session, StorageError};
use crate::limits::READERS;

/// Up to [`READERS`] sessions, opened when they are needed and kept.
#[derive(Clone)]
pub(super) struct Readers {
    engine: Arc<dyn Engine>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Box<dyn Session>>>>,
}

impl Readers {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, permits: Arc::new(Semaphore::new(READERS)), idle: Arc::default() }
    }

    /// Runs a job with a session, on a thread that may block. A session that failed is not used again.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Session) -> Result<T, StorageError> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StorageError::Stopped)?;
        let this = self.clone();
        let work = move || {
            let _permit = permit;
            let idle = this.take_idle();
            let mut session = idle.map_or_else(|| this.engine.open(Purpose::Query), Ok)?;
            session.begin_answer()?;
            let result = job(&mut *session)?;
            this.keep(session);
            Ok(result)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }

    fn take_idle(&self) -> Option<Box<dyn Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, session: Box<dyn Session>) {
        // After `close` nothing may be left open, or it would be the last to close, and unable to tidy up.
        if !self.permits.is_closed() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }

    /// Closes the sessions; later queries are refused.
    pub(super) async fn close(&self) {
        self.permits.close();
        let this = self.clone();
        let closing = move || while this.take_idle().is_some() {};
        // It has no way to fail.
        let _ = tokio::task::spawn_blocking(closing).await;
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("engine", &self.engine).finish_non_exhaustive()
    }
}
