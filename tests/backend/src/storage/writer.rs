//! The thread that stores posts: those that wait together are one transaction.
//!
//! ```text
//!  queue: p1 p2 p3 | p4 ...
//!         └───────────┘ what is there, and for up to GATHER_TIME what is on its way: as many as there are clients
//!  append(p1..p4) ─▶ durable ─▶ answers to p1..p4
//! ```
//!
//! A client that posts one record after the other is back soon after its answer. Who commits before it is there pays
//! for two syncs where one would do: as many are waited for as were just answered, and as posted meanwhile. Were it only
//! those who were answered, two halves would take turns for ever, each waiting for the other's sync.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Arrival, Session, StorageError};
use crate::limits::{MAX_BATCH, MAX_BATCH_BYTES, MAX_WAITING_POSTS};
use crate::record::StoredRecord;

/// How long posts that are on their way are waited for: about what two syncs of a fast disk take.
const GATHER_TIME: Duration = Duration::from_micros(300);

/// What the thread is asked for.
pub(super) enum Job {
    /// To store a record, with others that wait.
    Append(Box<Post>),
    /// To end.
    Close,
}

/// A record that waits, and who waits for it.
pub(super) struct Post {
    pub(super) arrival: Arrival,
    pub(super) answer: oneshot::Sender<Result<StoredRecord, StorageError>>,
    /// Its place in the queue, which is free once it is answered.
    pub(super) permit: OwnedSemaphorePermit,
}

/// Stores posts until it is asked to close, or until nobody can post any more.
pub(super) fn work(session: &mut dyn Session, queue: &Receiver<Job>) {
    let mut expected = 1;
    while let Ok(Job::Append(first)) = queue.recv() {
        let (batch, is_last) = gather(*first, queue, expected);
        store(session, batch, |clients| expected = clients);
        if is_last {
            return;
        }
    }
}

/// The posts that wait, and those that come in time, if fewer wait than `expected`. Says whether they are the last.
fn gather(first: Post, queue: &Receiver<Job>, expected: usize) -> (Vec<Post>, bool) {
    let mut bytes = first.arrival.record.payload.len();
    let mut batch = vec![first];
    let deadline = Instant::now() + GATHER_TIME;
    while batch.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES {
        let job = match queue.try_recv() {
            Err(TryRecvError::Empty) if batch.len() < expected => {
                let left = deadline.saturating_duration_since(Instant::now());
                queue.recv_timeout(left).map_err(|_| TryRecvError::Empty)
            }
            other => other,
        };
        match job {
            Ok(Job::Append(post)) => {
                bytes += post.arrival.record.payload.len();
                batch.push(*post);
            }
            Ok(Job::Close) => return (batch, true),
            Err(_) => break,
        }
    }
    (batch, false)
}

/// How many have posted and have no answer yet.
fn clients(permit: Option<&OwnedSemaphorePermit>) -> usize {
    permit.map_or(1, |permit| MAX_WAITING_POSTS.saturating_sub(permit.semaphore().available_permits()))
}

/// Stores a batch, and says before it answers how many wait for an answer. If storing fails, each of its clients is asked to
/// come back.
fn store(session: &mut dyn Session, batch: Vec<Post>, before: impl FnOnce(usize)) {
    let mut arrivals = Vec::with_capacity(batch.len());
    let mut clients = Vec::with_capacity(batch.len());
    for Post { arrival, answer, permit } in batch {
        arrivals.push(arrival);
        clients.push((answer, permit));
    }
    let appended = session.append(&arrivals);
    before(self::clients(clients.first().map(|(_, permit)| permit)));
    match appended {
        Ok(appended) => {
            for (((answer, _), appended), arrival) in clients.into_iter().zip(appended).zip(arrivals) {
                // The client may have gone; the record stays.
                let _ = answer.send(appended.into_answer(arrival));
            }
        }
        Err(error) => {
            eprintln!("telem-collector: {} records not stored: {error}", clients.len());
            for (answer, _) in clients {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::storage::tests::arrival;

    fn post(payload_bytes: usize) -> Post {
        let permits = Arc::new(Semaphore::new(1));
        let mut arrival = arrival("a/b/c", 1, None);
        arrival.record.payload = "x".repeat(payload_bytes);
        Post { arrival, answer: oneshot::channel().0, permit: permits.try_acquire_owned().unwrap() }
    }

    /// A queue with posts of these sizes, and a job to close after them.
    fn queue(sizes: &[usize]) -> Receiver<Job> {
        let (jobs, queue) = mpsc::channel();
        for bytes in sizes {
            jobs.send(Job::Append(Box::new(post(*bytes)))).unwrap();
        }
        jobs.send(Job::Close).unwrap();
        queue
    }

    #[test]
    fn posts_that_wait_are_one_batch_up_to_its_bounds() {
        let (batch, is_last) = gather(post(1), &queue(&[1, 1]), 1);
        assert_eq!((batch.len(), is_last), (3, true));
        let (batch, is_last) = gather(post(1), &queue(&[1; MAX_BATCH]), 1);
        assert_eq!((batch.len(), is_last), (MAX_BATCH, false));
        let (batch, _) = gather(post(1), &queue(&[MAX_BATCH_BYTES - 1, 1, 1]), 1);
        assert_eq!(batch.len(), 2);
    }

    #[test]
    fn whoever_has_posted_and_has_no_answer_is_counted() {
        let permits = Arc::new(Semaphore::new(MAX_WAITING_POSTS));
        let posted: Vec<_> = (0..3).map(|_| Arc::clone(&permits).try_acquire_owned().unwrap()).collect();
        assert_eq!(clients(posted.first()), 3, "those of the batch, and those who wait for the next");
        assert_eq!(clients(None), 1);
    }

    #[test]
    fn as_many_as_there_are_clients_are_waited_for() {
        let (jobs, queue) = mpsc::channel();
        // Nobody comes: the wait ends.
        assert_eq!(gather(post(1), &queue, 3).0.len(), 1);
        drop(jobs);
        assert_eq!(gather(post(1), &queue, 3).0.len(), 1);
    }
}
