//! Gives back the pages of the program and its libraries that only its start needed. A fault maps sixteen pages of a file, and a start
//! (loader, command line, configuration, directories) uses functions everywhere: afterwards nearly all counts as resident
//! (measured: 2.7 MB of telemprobd), of which a waiting daemon uses a third.

#![allow(unsafe_code)]

use nix::sys::mman::{MmapAdvise, madvise};
use nix::unistd::{SysconfVar, sysconf};
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr::NonNull;

/// Takes instructions and constants out of this process's memory. They stay in the system's cache of files, from which
/// the next use maps them again. For the moment when a daemon begins to wait.
///
/// A breakpoint that a debugger has written there is lost, so that a build for debugging keeps its pages; and so does one for 32 bits,
/// where a library's instructions may have been changed by the loader.
pub fn give_back() {
    if cfg!(target_pointer_width = "64") && !cfg!(debug_assertions) {
        unmap();
    }
}

fn unmap() {
    for segment in read_only_segments() {
        let Some(first) = NonNull::new(std::ptr::with_exposed_provenance_mut::<c_void>(segment.start)) else {
            continue;
        };
        // SAFETY: the loader's headers say that this is mapped from a file (or is the kernel's own), without a right to write. Its
        // pages hold nothing else, since nothing of 64 bits is relocated in its text, and the next access finds it again.
        if let Err(error) = unsafe { madvise(first, segment.len(), MmapAdvise::MADV_DONTNEED) } {
            log::debug!("pages that the start needed stay in memory: {error}");
        }
    }
}

/// Whole pages only: a linker may put the end of one segment and the begin of a writable one into the same.
fn read_only_segments() -> Vec<Range<usize>> {
    let Some(page) =
        sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| usize::try_from(size).ok())
    else {
        return Vec::new();
    };
    let mut segments = Vec::new();
    // SAFETY: `collect` is called with the pointer given here, before this returns.
    unsafe { libc::dl_iterate_phdr(Some(collect), (&raw mut segments).cast()) };
    let to_page = |address: usize| address - address % page;
    segments
        .into_iter()
        .map(|segment: Range<usize>| to_page(segment.start)..to_page(segment.end))
        .filter(|pages| !pages.is_empty())
        .collect()
}

/// Notes the read-only segments of an object that the loader names; 0 has it go on with the next.
unsafe extern "C" fn collect(object: *mut libc::dl_phdr_info, _size: usize, segments: *mut c_void) -> c_int {
    // SAFETY: the loader passes an object that lives during this call.
    let object = unsafe { &*object };
    // SAFETY: see `read_only_segments`, where nobody else uses it meanwhile.
    let segments = unsafe { &mut *segments.cast::<Vec<Range<usize>>>() };
    // SAFETY: the loader's table has so many headers.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    let read_only =
        headers.iter().filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0);
    segments.extend(read_only.filter_map(|header| {
        let start = usize::try_from(object.dlpi_addr.checked_add(header.p_vaddr)?).ok()?;
        Some(start..start.checked_add(usize::try_from(header.p_memsz).ok()?)?)
    }));
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resident kB of what is mapped from this program without a right to write.
    fn resident_text() -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let program = std::env::current_exe().unwrap();
        let mut of_program = false;
        let mut resident = 0;
        for line in maps.lines() {
            if line.ends_with(program.to_str().unwrap()) {
                of_program = line.contains(" r-xp ") || line.contains(" r--p 00000000 ");
            } else if let Some(size) = line.strip_prefix("Rss:") {
                if of_program {
                    resident += size.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
                }
                of_program = false;
            }
        }
        resident
    }

    #[test]
    fn pages_of_the_program_are_given_back_and_come_again_when_they_are_used() {
        let segments = read_only_segments();
        assert!(!segments.is_empty());
        // All of it is touched first.
        let touched: u64 = segments
            .iter()
            .flat_map(|segment| segment.clone().step_by(4096))
            .map(|address| {
                // SAFETY: the program's own headers say that this can be read.
                u64::from(unsafe { std::ptr::with_exposed_provenance::<u8>(address).read_volatile() })
            })
            .sum();
        let before = resident_text();
        unmap();
        let after = resident_text();
        assert!(after < before / 2, "{before} kB before, {after} kB after; {touched}");
    }
}
