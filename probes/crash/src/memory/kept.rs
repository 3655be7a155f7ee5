//! The parts of a core's memory that are kept while it goes by on a pipe: the stacks, from where each thread is
//! upwards, the vdso, and the beginnings of files, which say what was built there: a file of the same path may be
//! another one, as where the process lived in a container.

use super::Memory;
use crate::core::CoreHead;
use crate::elf::FIRST_PAGE_BYTES;
use crate::limits::{KEPT_STACK_BYTES, KEPT_STREAM_BYTES, VDSO_BYTES};
use std::io::Read;

/// Below the stack pointer a function that calls none may keep data (x86-64 ABI, 3.2.2).
const RED_ZONE_BYTES: u64 = 128;

/// Ranges of memory, by rising address, none touching another.
#[derive(Debug, Default)]
pub struct KeptMemory(Vec<Part>);

#[derive(Debug)]
struct Part {
    start: u64,
    bytes: Vec<u8>,
}

/// What is wanted of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    core_offset: u64,
    start: u64,
    bytes: u64,
}

impl KeptMemory {
    /// Reads a core on from where its head ended, up to the last part that is worth keeping. A stream that ends
    /// early leaves what came.
    pub fn keep(input: &mut impl Read, head: &CoreHead) -> Self {
        let mut position = head.bytes;
        let mut parts = Vec::new();
        for part in wanted(head) {
            let Some(distance) = part.core_offset.checked_sub(position) else { continue };
            let skipped = std::io::copy(&mut input.take(distance), &mut std::io::sink());
            if skipped.ok() != Some(distance) {
                break;
            }
            let mut bytes = Vec::new();
            let read = input.take(part.bytes).read_to_end(&mut bytes);
            position = part.core_offset.saturating_add(bytes.len() as u64);
            let ended = read.is_err() || (bytes.len() as u64) < part.bytes;
            parts.push(Part { start: part.start, bytes });
            if ended {
                break;
            }
        }
        parts.sort_unstable_by_key(|part| part.start);
        Self(parts)
    }
}

/// The parts to keep, in the order of the stream and without overlap.
fn wanted(head: &CoreHead) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut left = KEPT_STREAM_BYTES as u64;
    let vdso = head.auxv.vdso().map(|start| (start, VDSO_BYTES as u64));
    let stacks = head.threads.iter().enumerate().filter_map(|(number, thread)| {
        // The crashing thread may be deep in calls.
        let bytes = if number == 0 { KEPT_STACK_BYTES * 8 } else { KEPT_STACK_BYTES };
        Some((thread.registers.sp()?.saturating_sub(RED_ZONE_BYTES), bytes as u64))
    });
    let beginnings = head.mappings.iter().filter(|mapping| mapping.file_offset == 0);
    let beginnings = beginnings.map(|mapping| (mapping.start, FIRST_PAGE_BYTES as u64));
    for (start, bytes) in vdso.into_iter().chain(stacks).chain(beginnings) {
        // The red zone of an empty stack is outside of it.
        let Some(segment) =
            head.segment(start).or_else(|| head.segment(start.saturating_add(RED_ZONE_BYTES)))
        else {
            continue;
        };
        let start = start.max(segment.start);
        let distance = start.saturating_sub(segment.start);
        let bytes = bytes.min(segment.core_bytes.saturating_sub(distance)).min(left);
        if let Some(core_offset) = segment.core_offset.checked_add(distance).filter(|_| bytes > 0) {
            left = left.saturating_sub(bytes);
            wanted.push(Wanted { core_offset, start, bytes });
        }
    }
    wanted.sort_unstable_by_key(|part| part.core_offset);
    let mut end = 0;
    for part in &mut wanted {
        let overlap = end.min(part.core_offset.saturating_add(part.bytes)).saturating_sub(part.core_offset);
        part.core_offset = part.core_offset.saturating_add(overlap);
        part.start = part.start.saturating_add(overlap);
        part.bytes = part.bytes.saturating_sub(overlap);
        end = end.max(part.core_offset.saturating_add(part.bytes));
    }
    wanted.retain(|part| part.bytes > 0);
    wanted
}

impl Memory for KeptMemory {
    fn read(&self, process_addr: u64, mut buffer: &mut [u8]) -> bool {
        let mut address = process_addr;
        let mut next = self.0.partition_point(|part| part.start <= address).saturating_sub(1);
        while !buffer.is_empty() {
            let Some(part) = self.0.get(next) else { return false };
            let skipped = address.checked_sub(part.start).and_then(|skipped| usize::try_from(skipped).ok());
            let Some(from) =
                skipped.and_then(|skipped| part.bytes.get(skipped..)).filter(|from| !from.is_empty())
            else {
                return false;
            };
            let count = buffer.len().min(from.len());
            let (now, rest) = buffer.split_at_mut(count);
            now.copy_from_slice(from.get(..count).unwrap_or_default());
            buffer = rest;
            address = address.wrapping_add(count as u64);
            next = next.saturating_add(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::FileMapping;
    use crate::core::tests::head_with;
    use crate::registers::{Arch, Registers};

    /// Two stacks of which one reaches into the other, in a core whose head has 10 bytes.
    fn head() -> CoreHead {
        let mut registers = Registers::new(Arch::X86_64, 0);
        registers.set(7, Some(0x7ffc_0000_0800));
        let mut head = head_with(registers.clone());
        registers.set(7, Some(0x7ffc_0000_0900));
        head.threads.push(crate::core::Thread { tid: 2, registers, name: None });
        head.bytes = 10;
        for (segment, offset) in head.segments.iter_mut().zip([0x1000, 0x2000, 0x3000]) {
            segment.core_offset = offset;
            segment.core_bytes = 0x1000;
        }
        head
    }

    fn stream() -> Vec<u8> {
        (0..0x4000_u32).map(|place| (place >> 4) as u8).skip(10).collect()
    }

    #[test]
    fn stacks_are_kept_from_the_red_zone_upwards() {
        let memory = KeptMemory::keep(&mut stream().as_slice(), &head());
        let mut byte = [0];
        assert!(memory.read(0x7ffc_0000_0780, &mut byte));
        assert_eq!(byte[0], 0x78);
        assert!(memory.read(0x7ffc_0000_0f00, &mut [0; 256]));
        assert!(!memory.read(0x7ffc_0000_0f00, &mut [0; 257]), "past the stack");
        assert!(!memory.read(0x7ffc_0000_077f, &mut byte), "below the red zone");
        assert!(!memory.read(0x60_0000, &mut byte), "data");
        assert!(memory.read(0x7ffc_0000_0870, &mut [0; 64]), "across what both threads want");
    }

    #[test]
    fn beginnings_of_files_are_kept_and_nothing_else_of_them() {
        let mut head = head();
        let mapping = |start, file_offset| FileMapping { start, end: start + 0x1000, file_offset, file: 0 };
        head.mappings = vec![mapping(0x40_0000, 0), mapping(0x60_0000, 0x1000)];
        let memory = KeptMemory::keep(&mut stream().as_slice(), &head);
        assert!(memory.read(0x40_0000, &mut [0; FIRST_PAGE_BYTES]));
        assert!(!memory.read(0x60_0000, &mut [0]));
    }

    #[test]
    fn a_stream_that_ends_early_leaves_what_came() {
        let stream = stream();
        let memory = KeptMemory::keep(&mut stream[..0x3900 - 10].as_ref(), &head());
        assert!(memory.read(0x7ffc_0000_0800, &mut [0; 256]));
        assert!(!memory.read(0x7ffc_0000_0900, &mut [0; 1]));
        assert!(!KeptMemory::keep(&mut stream[..100].as_ref(), &head()).read(0x7ffc_0000_0800, &mut [0; 1]));
    }

    #[test]
    fn lying_offsets_are_survived() {
        let mut head = head();
        head.segments[2].core_offset = u64::MAX - 4;
        head.segments[2].core_bytes = u64::MAX;
        assert!(!KeptMemory::keep(&mut stream().as_slice(), &head).read(0x7ffc_0000_0800, &mut [0; 1]));
    }
}
