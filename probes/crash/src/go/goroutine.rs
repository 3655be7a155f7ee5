//! The goroutine that a thread runs, where the thread itself is on a stack of the scheduler (`runtime/runtime2.go`).
//!
//! Where members of `g` and `m` are moves between versions of Go; what they hold does not. So each is found by what it has to
//! point to: `g.m` is the word that leads to an `m` whose first word is a `g` that leads back; the stack pointer of a saved
//! context lies in its goroutine's stack, whose bounds are the first two words of `g`.

use crate::memory::Memory;
use std::collections::BTreeSet;

/// Members of `g` that are looked at, as offsets.
const G_BYTES: u64 = 256;

/// Members of `m` that are looked at, as offsets.
const M_BYTES: u64 = 512;

/// Largest stack of a goroutine: 1 GB, unless a program sets another limit.
const STACK_BYTES: u64 = 1 << 32;

/// Where a goroutine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its stack pointer.
    pub sp: u64,
    /// Its program counter.
    pub pc: u64,
}

/// Where the goroutine goes on whose work the thread with this `g` does; none if there is none, or more than one could be
/// it. `is_switch` says of an address whether a goroutine stands there while the scheduler works for it.
pub fn current(memory: &dyn Memory, g: u64, is_switch: &dyn Fn(u64) -> bool) -> Option<Saved> {
    let places = (24..G_BYTES).step_by(8);
    let (offset, m, g0) = places.filter_map(|offset| leads_back(memory, g, offset)).next()?;
    let pointers: BTreeSet<u64> =
        (0..M_BYTES).step_by(8).filter_map(|place| memory.read_u64(m.wrapping_add(place))).collect();
    let candidates = pointers
        .into_iter()
        .filter(|pointer| *pointer != g0 && memory.read_u64(pointer.wrapping_add(offset)) == Some(m));
    let mut saved = candidates.filter_map(|candidate| saved(memory, candidate, is_switch));
    let found = saved.next()?;
    saved.next().is_none().then_some(found)
}

/// The `m` of a `g`, and its `g0`, if `g.m` is at this offset.
fn leads_back(memory: &dyn Memory, g: u64, offset: u64) -> Option<(u64, u64, u64)> {
    let m = memory.read_u64(g.wrapping_add(offset)).filter(|m| *m != 0 && m.is_multiple_of(8))?;
    let g0 = memory.read_u64(m).filter(|g0| *g0 != 0)?;
    (memory.read_u64(g0.wrapping_add(offset))? == m).then_some((offset, m, g0))
}

/// The context that a goroutine has saved: a stack pointer within its stack, and an address where it may stand.
fn saved(memory: &dyn Memory, g: u64, is_switch: &dyn Fn(u64) -> bool) -> Option<Saved> {
    let (low, high) = (memory.read_u64(g)?, memory.read_u64(g.wrapping_add(8))?);
    if low >= high || high.wrapping_sub(low) > STACK_BYTES {
        return None;
    }
    let contexts = (32..G_BYTES).step_by(8).filter_map(|place| {
        let sp = memory.read_u64(g.wrapping_add(place))?;
        let pc = memory.read_u64(g.wrapping_add(place).wrapping_add(8))?;
        ((low..high).contains(&sp) && is_switch(pc)).then_some(Saved { sp, pc })
    });
    let found: BTreeSet<(u64, u64)> = contexts.map(|saved| (saved.sp, saved.pc)).collect();
    let mut found = found.into_iter();
    let (sp, pc) = found.next()?;
    found.next().is_none().then_some(Saved { sp, pc })
}
