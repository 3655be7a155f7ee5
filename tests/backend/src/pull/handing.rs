//! monitoring-params.xml: handed to each machine that answers, once it is another one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::ask::Asker;
use super::board::Board;
use super::definition::Definition;
use super::limits::HANDING;
use crate::storage::Store;
use crate::timestamp::now_secs;

/// How soon another one is noticed.
const PAUSE: Duration = Duration::from_secs(2);

/// The one that people keep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    number: i64,
    text: String,
}

/// What handing needs.
#[derive(Clone, Debug)]
pub(super) struct Handing {
    kept: watch::Receiver<Option<Arc<Kept>>>,
    board: Arc<Board>,
    turns: Arc<Semaphore>,
}

impl Handing {
    pub(super) fn new(kept: watch::Receiver<Option<Arc<Kept>>>, board: Arc<Board>) -> Self {
        Self { kept, board, turns: Arc::new(Semaphore::new(HANDING)) }
    }

    /// Hands it to a machine that has just answered, unless it has it, or does not take it. What does not come through is
    /// tried again after the next answer.
    pub(super) async fn hand(&self, asker: &Asker, definition: &Definition) {
        let kept = self.kept.borrow().clone();
        let Some(kept) = kept.filter(|kept| !self.board.was_handed(&definition.name, kept.number)) else {
            return;
        };
        let Ok(_turn) = self.turns.acquire().await else { return };
        if let Ok(result) = asker.hand(definition, &kept.text).await {
            if let Err(reason) = &result {
                eprintln!("telem-collector: pull: {}: monitoring-params.xml: {reason}", definition.name);
            }
            self.board.note_handed(&definition.name, kept.number, result);
        }
    }
}

/// Follows what people keep.
pub(super) async fn follow(store: Store, kept: watch::Sender<Option<Arc<Kept>>>) {
    loop {
        // Whoever serves a request says that the database is out of reach.
        if let Ok(found) = store.answer(now_secs(), |answers| answers.monitoring_params()).await {
            let found = found.map(|(number, text)| Arc::new(Kept { number, text }));
            kept.send_if_modified(|kept| {
                let is_other = *kept != found;
                *kept = found;
                is_other
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
