//! Stores what machines answered: what is shown as answered is durable.

use std::time::Duration;

use tokio::sync::mpsc;

use super::limits::BATCH;
use crate::storage::samples::PullDone;
use crate::storage::{StorageError, Store};

/// Pause where the database is out of reach.
const PAUSE: Duration = Duration::from_secs(1);

/// Stores what waits, together, until nobody is left who sends.
pub(super) async fn store_forever(store: Store, mut waiting: mpsc::Receiver<PullDone>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let mut has_said = false;
        loop {
            match store.store_pulls(batch.clone()).await {
                Ok(()) => break,
                Err(StorageError::Stopped) => return,
                Err(error) => {
                    if !has_said {
                        eprintln!(
                            "telem-collector: pull: what machines answered cannot be stored: {error}; it is tried again"
                        );
                    }
                    has_said = true;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        if has_said {
            eprintln!("telem-collector: pull: what machines answer is stored again");
        }
        batch.clear();
    }
}
