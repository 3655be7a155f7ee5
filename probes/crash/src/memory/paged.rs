//! Memory that is read page by page from a file, and kept: a backtrace reads few pages many times.

use super::Memory;
use crate::core::Segment;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

const PAGE_BYTES: usize = 4096;

/// Maximum of pages that are kept: 8 MiB. Then all are forgotten, since a thread does not come back to the pages of another.
const PAGES: usize = 2048;

/// Pages of a process or of a core file.
pub struct PagedMemory {
    file: File,
    /// Where in the file memory is; none where addresses are offsets.
    segments: Option<Vec<Segment>>,
    pages: RefCell<HashMap<u64, Option<Box<[u8; PAGE_BYTES]>>>>,
}

impl PagedMemory {
    /// The memory of a process, of its open `/proc/PID/mem`.
    pub fn of_process(file: File) -> Self {
        Self { file, segments: None, pages: RefCell::default() }
    }

    /// The memory in a core file, which has these segments, by rising address.
    pub fn of_core(file: File, segments: Vec<Segment>) -> Self {
        Self { file, segments: Some(segments), pages: RefCell::default() }
    }

    fn load(&self, page: u64) -> Option<Box<[u8; PAGE_BYTES]>> {
        let mut bytes = Box::new([0; PAGE_BYTES]);
        match &self.segments {
            None => self.file.read_exact_at(bytes.as_mut_slice(), page).ok()?,
            Some(segments) => {
                let offset = core_offset(segments, page)?;
                self.file.read_exact_at(bytes.as_mut_slice(), offset).ok()?;
            }
        }
        Some(bytes)
    }
}

/// Where a page is in the core; none if not all of it is there. Segments begin and end with pages.
fn core_offset(segments: &[Segment], page: u64) -> Option<u64> {
    let after = segments.partition_point(|segment| segment.start <= page);
    let segment = segments.get(after.checked_sub(1)?)?;
    let distance = page.checked_sub(segment.start)?;
    let there = distance.checked_add(PAGE_BYTES as u64)? <= segment.core_bytes;
    there.then(|| segment.core_offset.checked_add(distance)).flatten()
}

impl Memory for PagedMemory {
    fn read(&self, process_addr: u64, mut buffer: &mut [u8]) -> bool {
        let mut address = process_addr;
        while !buffer.is_empty() {
            let page = address & !(PAGE_BYTES as u64 - 1);
            let skipped = usize::try_from(address.wrapping_sub(page)).unwrap_or_default();
            let count = buffer.len().min(PAGE_BYTES.saturating_sub(skipped));
            let mut pages = self.pages.borrow_mut();
            if pages.len() >= PAGES {
                pages.clear();
            }
            let Some(bytes) = pages.entry(page).or_insert_with(|| self.load(page)) else { return false };
            let (now, rest) = buffer.split_at_mut(count);
            let Some(from) = bytes.get(skipped..skipped.saturating_add(count)) else { return false };
            now.copy_from_slice(from);
            buffer = rest;
            let Some(next) = address.checked_add(count as u64) else { return buffer.is_empty() };
            address = next;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_process_is_read_across_pages() {
        let bytes: Vec<u8> = (0..3 * PAGE_BYTES).map(|n| n as u8 ^ (n >> 8) as u8).collect();
        let memory = PagedMemory::of_process(File::open("/proc/self/mem").unwrap());
        let mut buffer = vec![0; 2 * PAGE_BYTES];
        let from = bytes[100..].as_ptr() as u64;
        assert!(memory.read(from, &mut buffer));
        assert_eq!(buffer, bytes[100..][..buffer.len()]);
        assert!(!memory.read(0, &mut [0; 8]), "the null page is not mapped");
        assert!(!memory.read(u64::MAX - 3, &mut [0; 8]));
    }

    #[test]
    fn a_core_is_read_where_it_has_memory() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 3 * PAGE_BYTES]).unwrap();
        let segment = |start: u64, core_offset, core_bytes| Segment {
            start,
            end: start + 0x4000,
            readable: true,
            writable: true,
            executable: false,
            core_offset,
            core_bytes,
        };
        let memory = PagedMemory::of_core(
            file,
            vec![segment(0x1000, 0x1000, 0x2000), segment(0x9000, 0x2000, 0x4000)],
        );
        assert!(memory.read(0x1ff8, &mut [0; 16]));
        assert!(!memory.read(0x2ff8, &mut [0; 16]), "the rest of the segment is not in the core");
        assert!(memory.read(0x9000, &mut [0; 16]));
        assert!(!memory.read(0xa000, &mut [0; 16]), "past the end of the file");
        assert!(!memory.read(0xff8, &mut [0; 16]), "before the first segment");
    }
}
