//! A core as the kernel pipes it: forward only.

use super::CoreError;
use std::io::{ErrorKind, Read};

/// Reads forward and knows where it is.
pub(super) struct Stream<'a, R> {
    input: &'a mut R,
    position: u64,
}

impl<'a, R: Read> Stream<'a, R> {
    pub(super) fn new(input: &'a mut R) -> Self {
        Self { input, position: 0 }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), CoreError> {
        self.input.read_exact(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => CoreError::CutOff(self.position),
            _ => error.into(),
        })?;
        self.position = self.position.saturating_add(buffer.len() as u64);
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CoreError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads so many bytes, which the caller has bounded.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<u8>, CoreError> {
        let mut bytes = Vec::new();
        // By and by, so that a size without bytes behind it takes no memory.
        (&mut *self.input).take(count as u64).read_to_end(&mut bytes)?;
        self.position = self.position.saturating_add(bytes.len() as u64);
        if bytes.len() < count { Err(CoreError::CutOff(self.position)) } else { Ok(bytes) }
    }

    pub(super) fn skip(&mut self, mut count: u64) -> Result<(), CoreError> {
        let mut scratch = [0; 16 * 1024];
        while count > 0 {
            let now = usize::try_from(count).unwrap_or(usize::MAX).min(scratch.len());
            let Some(scratch) = scratch.get_mut(..now) else { break };
            self.fill(scratch)?;
            count = count.saturating_sub(now as u64);
        }
        Ok(())
    }

    /// Goes on to this position.
    pub(super) fn skip_to(&mut self, position: u64) -> Result<(), CoreError> {
        let count = position.checked_sub(self.position);
        self.skip(count.ok_or(CoreError::Damaged("its parts overlap"))?)
    }
}
