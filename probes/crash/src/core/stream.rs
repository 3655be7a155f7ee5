//! A core as the kernel pipes it, forward only, or as a file.

use super::CoreError;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Reads forward and knows where it is.
pub(super) struct Stream<I> {
    input: I,
    position: u64,
}

/// What a core is read from.
pub(super) trait Input: Read {
    /// Passes over this many bytes.
    fn pass(&mut self, count: u64) -> io::Result<()>;
}

/// A pipe.
pub(super) struct Forward<'a, R>(&'a mut R);

/// A file.
pub(super) struct Seeking<'a, F>(&'a mut F);

impl<R: Read> Read for Forward<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<F: Read> Read for Seeking<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Forward<'_, R> {
    fn pass(&mut self, count: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(count), &mut io::sink())?;
        if passed < count { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<F: Read + Seek> Input for Seeking<'_, F> {
    fn pass(&mut self, count: u64) -> io::Result<()> {
        let distance = i64::try_from(count).map_err(|_| ErrorKind::UnexpectedEof)?;
        self.0.seek(SeekFrom::Current(distance)).map(drop)
    }
}

impl<'a, R: Read> Stream<Forward<'a, R>> {
    pub(super) fn forward(input: &'a mut R) -> Self {
        Self { input: Forward(input), position: 0 }
    }
}

impl<'a, F: Read + Seek> Stream<Seeking<'a, F>> {
    pub(super) fn seeking(file: &'a mut F) -> Self {
        Self { input: Seeking(file), position: 0 }
    }
}

impl<I: Input> Stream<I> {
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), CoreError> {
        self.input.read_exact(buffer).map_err(|error| self.error(error))?;
        self.position = self.position.saturating_add(buffer.len() as u64);
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CoreError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads this many bytes, which the caller has bounded.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<u8>, CoreError> {
        let mut bytes = Vec::new();
        // By and by, so that a size without bytes behind it takes no memory.
        self.input.by_ref().take(count as u64).read_to_end(&mut bytes)?;
        self.position = self.position.saturating_add(bytes.len() as u64);
        if bytes.len() < count { Err(CoreError::CutOff(self.position)) } else { Ok(bytes) }
    }

    pub(super) fn skip(&mut self, count: u64) -> Result<(), CoreError> {
        self.input.pass(count).map_err(|error| self.error(error))?;
        self.position = self.position.saturating_add(count);
        Ok(())
    }

    fn error(&self, error: io::Error) -> CoreError {
        match error.kind() {
            ErrorKind::UnexpectedEof => CoreError::CutOff(self.position),
            _ => error.into(),
        }
    }

    /// Goes on to this position.
    pub(super) fn skip_to(&mut self, position: u64) -> Result<(), CoreError> {
        let count = position.checked_sub(self.position);
        self.skip(count.ok_or(CoreError::Damaged("its parts overlap"))?)
    }
}
