//! The loop of the thread that owns the database.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{StoreError, insert};
use crate::intake::Posting;
use crate::limits::MAX_BATCH;
use crate::record::StoredRecord;

/// What the thread can do.
pub(super) enum Job {
    /// Stores a record, with others that wait.
    Insert(Box<Insert>),
    /// Anything else, alone. It answers by itself.
    Run(Box<dyn FnOnce(&mut Connection) + Send>),
    /// Ends the thread.
    Close,
}

pub(super) struct Insert {
    pub(super) posting: Posting,
    pub(super) received_secs: i64,
    pub(super) answer: oneshot::Sender<Result<StoredRecord, StoreError>>,
}

/// Does jobs until told to close or until nobody can send any.
pub(super) fn work(mut connection: Connection, mut queue: mpsc::Receiver<Job>) {
    let mut held_back = None;
    while let Some(job) = held_back.take().or_else(|| queue.blocking_recv()) {
        match job {
            Job::Insert(first) => {
                let (batch, next) = gather(*first, &mut queue);
                held_back = next;
                store(&mut connection, batch);
            }
            Job::Run(job) => job(&mut connection),
            Job::Close => return,
        }
    }
}

/// The inserts that wait right now, up to the first job of another kind, which comes next.
fn gather(first: Insert, queue: &mut mpsc::Receiver<Job>) -> (Vec<Insert>, Option<Job>) {
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH {
        match queue.try_recv() {
            Ok(Job::Insert(insert)) => batch.push(*insert),
            Ok(other) => return (batch, Some(other)),
            Err(_) => break,
        }
    }
    (batch, None)
}

fn store(connection: &mut Connection, batch: Vec<Insert>) {
    let (postings, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|insert| ((insert.posting, insert.received_secs), insert.answer)).unzip();
    match insert::insert_all(connection, postings) {
        Ok(stored) => {
            for (answer, record) in answers.into_iter().zip(stored) {
                let _ = answer.send(Ok(record));
            }
        }
        Err(error) => {
            // One transaction, one fate: each of its clients is told to come back.
            eprintln!("telem-collector: {} records not stored: {error}", answers.len());
            for answer in answers {
                let _ = answer.send(Err(StoreError::Database(error.to_string())));
            }
        }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Insert(_) => "Insert",
            Self::Run(_) => "Run",
            Self::Close => "Close",
        })
    }
}
