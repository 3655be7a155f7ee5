//! Bounds the handshakes that are not done: who stalls in his makes room for the next.

use futures_channel::oneshot;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The handshakes that go on.
#[derive(Clone, Debug)]
pub struct Handshakes {
    going: Arc<Mutex<Going>>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Going {
    next: u64,
    by_age: BTreeMap<u64, oneshot::Sender<()>>,
}

/// One of them. It has ended once this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    going: Arc<Mutex<Going>>,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Handshakes {
    /// Up to `limit` at a time.
    pub fn new(limit: usize) -> Self {
        Self { going: Arc::default(), limit }
    }

    /// Begins one more. Where there are too many, the oldest ends: an honest one takes milliseconds.
    pub fn begin(&self) -> Turn {
        let (end, ended) = oneshot::channel();
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        if going.by_age.len() >= self.limit {
            drop(going.by_age.pop_first());
        }
        going.next += 1;
        let number = going.next;
        going.by_age.insert(number, end);
        drop(going);
        Turn { going: Arc::clone(&self.going), number, ended }
    }
}

impl Turn {
    /// Waits until this one has to make room.
    pub async fn is_over(&mut self) {
        // An error is the word: whoever held the other end has dropped it.
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.going.lock().unwrap_or_else(PoisonError::into_inner).by_age.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_over(turn: &mut Turn) -> bool {
        pin!(turn.is_over()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_oldest_makes_room_and_one_that_ended_needs_none() {
        let handshakes = Handshakes::new(2);
        let (mut first, second) = (handshakes.begin(), handshakes.begin());
        drop(second);
        let mut third = handshakes.begin();
        assert!(!is_over(&mut first));
        let mut fourth = handshakes.begin();
        assert!(is_over(&mut first) && !is_over(&mut third) && !is_over(&mut fourth));
        drop((first, third, fourth));
        assert_eq!(handshakes.going.lock().unwrap().by_age.len(), 0);
    }
}
