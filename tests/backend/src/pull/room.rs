//! Bytes of answers that are in memory: what is usual is free, what is larger shares a bounded room, so that machines that
//! answer hugely take it from each other and from nobody else.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::{ANSWER_BYTES, FREE_BYTES, LARGE_MIB};

const MIB: usize = 1024 * 1024;

/// The room for large answers.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// The bytes of one answer.
#[derive(Debug)]
pub(super) struct Bytes {
    bytes: Vec<u8>,
    room: Room,
    permit: Option<OwnedSemaphorePermit>,
    most: usize,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_MIB)))
    }

    /// For an answer of up to so many bytes.
    pub(super) fn bytes(&self, most: usize) -> Bytes {
        Bytes { bytes: Vec::new(), room: self.clone(), permit: None, most: most.min(ANSWER_BYTES) }
    }
}

impl Bytes {
    /// Adds some, once there is room for them.
    pub(super) async fn extend(&mut self, more: &[u8]) -> Result<(), String> {
        let length = self.bytes.len().saturating_add(more.len());
        if length > self.most {
            return Err(too_large(self.most));
        }
        let wanted = length.saturating_sub(FREE_BYTES).div_ceil(MIB);
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted > held {
            let missing = u32::try_from(wanted - held).unwrap_or(u32::MAX);
            let permit = Arc::clone(&self.room.0).acquire_many_owned(missing).await;
            let permit = permit.map_err(|_| "the collector stops".to_owned())?;
            match &mut self.permit {
                Some(held) => held.merge(permit),
                None => self.permit = Some(permit),
            }
            // Not twice as much as there is room for.
            self.bytes.reserve_exact((FREE_BYTES + wanted * MIB).saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }
}

pub(super) fn too_large(most: usize) -> String {
    format!("its answer is larger than {} KiB", most / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_answers_wait_for_each_other_and_small_ones_do_not() {
        let room = Room::new();
        let chunk = vec![0; MIB];
        let mut large: Vec<Bytes> = (0..3).map(|_| room.bytes(usize::MAX)).collect();
        for bytes in large.iter_mut().take(2) {
            for _ in 0..ANSWER_BYTES / MIB {
                bytes.extend(&chunk).await.unwrap();
            }
            assert!(bytes.extend(&[0]).await.unwrap_err().contains("larger than 32768 KiB"));
            assert!(bytes.bytes.capacity() <= ANSWER_BYTES + MIB, "{}", bytes.bytes.capacity());
        }
        let mut small = room.bytes(usize::MAX);
        small.extend(&chunk[..FREE_BYTES]).await.unwrap();
        let third = large.pop().unwrap();
        let waits = tokio::spawn(async move {
            let mut third = third;
            third.extend(&vec![0; MIB]).await.map(|()| third.as_slice().len())
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(large.pop());
        assert_eq!(waits.await.unwrap(), Ok(MIB));
        assert!(room.bytes(10).extend(&[0; 11]).await.is_err());
    }
}
