//! A section of debug data, read where it is needed. One that is compressed is inflated as a stream, of which only the
//! parts that are asked for are kept: a C library's debug data is 20 MB, and a backtrace needs some of its pages.

use super::DebugData;
use crate::elf::Elf;
use crate::limits::INFLATED_BYTES;
use flate2::read::ZlibDecoder;
use object::{CompressionFormat, Object, ObjectSection};
use ruzstd::decoding::StreamingDecoder;
use std::cell::{Cell, RefCell};
use std::io::{self, Read};

/// Kept at least around what is asked for.
const WINDOW_BYTES: usize = 4096;

/// A section's bytes.
pub(super) struct Section<'a> {
    kind: Kind<'a>,
    bytes: u64,
}

enum Kind<'a> {
    Plain(&'a [u8]),
    Packed(RefCell<Packed<'a>>),
}

impl<'a> Section<'a> {
    /// The section of this name; an empty one if the file has none, or it is packed in a way that nobody knows.
    pub(super) fn of(elf: &Elf<'a>, name: &str, data: &'a DebugData) -> Self {
        let found = elf.file.section_by_name(name).and_then(|section| section.compressed_data().ok());
        let Some(found) = found else { return Self::plain(&[]) };
        let method = match found.format {
            CompressionFormat::None => return Self::plain(found.data),
            CompressionFormat::Zlib => Method::Zlib,
            CompressionFormat::Zstandard => Method::Zstd,
            _ => return Self::plain(&[]),
        };
        let packed =
            Packed { packed: found.data, method, data, windows: Vec::new(), stream: None, position: 0 };
        Self { kind: Kind::Packed(RefCell::new(packed)), bytes: found.uncompressed_size }
    }

    pub(super) fn plain(bytes: &'a [u8]) -> Self {
        Self { kind: Kind::Plain(bytes), bytes: bytes.len() as u64 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What stands from this offset on: at least `count` bytes unless the section ends, maybe more. None if the offset is
    /// past the end, or keeping so much is not allowed.
    pub(super) fn read(&self, offset: u64, count: usize) -> Option<&'a [u8]> {
        let left = self.bytes.checked_sub(offset).filter(|left| *left > 0)?;
        match &self.kind {
            Kind::Plain(bytes) => bytes.get(usize::try_from(offset).ok()?..),
            Kind::Packed(packed) => {
                let count = count.min(usize::try_from(left).unwrap_or(usize::MAX));
                let wanted = count.max(WINDOW_BYTES).min(usize::try_from(left).unwrap_or(usize::MAX));
                packed.borrow_mut().keep(offset, count, wanted)
            }
        }
    }

    /// All of it, if that is at most this long.
    pub(super) fn whole(&self, limit: u64) -> Option<&'a [u8]> {
        if self.bytes > limit {
            return None;
        }
        let count = usize::try_from(self.bytes).ok()?;
        if count == 0 { Some(&[]) } else { self.read(0, count) }
    }

    /// Copies what stands from this offset on, without keeping it; returns how many bytes there were.
    pub(super) fn copy(&self, offset: u64, buffer: &mut [u8]) -> usize {
        match &self.kind {
            Kind::Plain(bytes) => {
                let from =
                    usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let count = from.len().min(buffer.len());
                buffer.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                count
            }
            Kind::Packed(packed) => packed.borrow_mut().copy(offset, buffer),
        }
    }
}

#[derive(Clone, Copy)]
enum Method {
    Zlib,
    Zstd,
}

struct Packed<'a> {
    packed: &'a [u8],
    method: Method,
    data: &'a DebugData,
    /// What was kept, with its offsets.
    windows: Vec<(u64, &'a [u8])>,
    stream: Option<Box<dyn Read + 'a>>,
    /// Where in the section the stream is.
    position: u64,
}

impl<'a> Packed<'a> {
    fn keep(&mut self, offset: u64, count: usize, wanted: usize) -> Option<&'a [u8]> {
        let kept = self.windows.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(from..).filter(|bytes| bytes.len() >= count)
        });
        if kept.is_some() {
            return kept;
        }
        if wanted as u64 > self.data.room() {
            return None;
        }
        self.seek(offset)?;
        let mut bytes = Vec::new();
        let read = self.stream.as_mut()?.by_ref().take(wanted as u64).read_to_end(&mut bytes);
        self.advance(bytes.len());
        if read.is_err() || bytes.len() < count {
            self.stream = None;
            return None;
        }
        bytes.shrink_to_fit();
        let bytes = self.data.keep(bytes);
        self.windows.push((offset, bytes));
        Some(bytes)
    }

    fn copy(&mut self, offset: u64, buffer: &mut [u8]) -> usize {
        if self.seek(offset).is_none() {
            return 0;
        }
        let mut copied = 0;
        while let (Some(stream), Some(rest)) = (self.stream.as_mut(), buffer.get_mut(copied..)) {
            match stream.read(rest) {
                Ok(0) => break,
                Ok(count) => copied = copied.saturating_add(count),
                Err(_) => {
                    self.stream = None;
                    break;
                }
            }
        }
        self.advance(copied);
        copied
    }

    /// Brings the stream to this offset, from its start if it is past it.
    fn seek(&mut self, offset: u64) -> Option<()> {
        if self.stream.is_none() || offset < self.position {
            self.stream = Some(open(self.method, self.packed)?);
            self.position = 0;
        }
        let skipped = offset.checked_sub(self.position)?;
        // A stream that is begun again and again must have an end.
        if self.data.inflated.get().saturating_add(skipped) > INFLATED_BYTES {
            return None;
        }
        let passed = io::copy(&mut self.stream.as_mut()?.by_ref().take(skipped), &mut io::sink());
        let passed = passed.ok().filter(|passed| *passed == skipped);
        if passed.is_none() {
            self.stream = None;
            return None;
        }
        add(&self.data.inflated, skipped);
        self.position = offset;
        Some(())
    }

    fn advance(&mut self, count: usize) {
        add(&self.data.inflated, count as u64);
        self.position = self.position.saturating_add(count as u64);
    }
}

fn add(counter: &Cell<u64>, count: u64) {
    counter.set(counter.get().saturating_add(count));
}

fn open(method: Method, packed: &[u8]) -> Option<Box<dyn Read + '_>> {
    Some(match method {
        Method::Zlib => Box::new(ZlibDecoder::new(packed)),
        Method::Zstd => Box::new(StreamingDecoder::new(packed).ok()?),
    })
}
