//! Lines of others among those of an event.

use super::super::headers::{Header, Trace};
use super::super::limits::{GAP_LINES, GAP_US, MIXED_US};
use super::super::line::Line;
use super::super::oops::Kind;
use super::super::styles::Frame;
use super::{Belongs, Event, Owner};

/// Functions that nothing called.
const OUTERMOST: [&str; 14] = [
    "ret_from_fork",
    "ret_from_kernel_thread",
    "entry_SYSCALL",
    "entry_INT80",
    "el0t_64_sync",
    "el0_sync",
    "el0_svc_naked",
    "ret_fast_syscall",
    "system_call",
    "syscall_exit",
    "secondary_startup",
    "start_secondary",
    "x86_64_start_kernel",
    "kernel_thread_helper",
];

/// Whether this is the outermost function of a stack, for certain.
pub(super) fn is_outermost(frame: &Frame<'_>) -> bool {
    let is_named = |function: &str| OUTERMOST.iter().any(|name| function.starts_with(name));
    frame.is_certain && frame.function.is_some_and(is_named)
}

impl Event {
    /// Whether lines of this event may still come, among those of the one that begins now, and whose they are.
    pub(in crate::log) fn may_be_mixed_with(
        &self,
        line: &Line<'_>,
        header: &Header,
    ) -> Option<Option<Owner>> {
        let is_close = match (line.stamp_us, self.last_stamp_us) {
            (Some(now_us), Some(last_us)) => now_us.saturating_sub(last_us) < MIXED_US,
            _ => true,
        };
        // When the kernel panics the other processors are stopped.
        let has_trace = !matches!(header.trace, Trace::Errors | Trace::None) && header.class != Kind::Panic;
        let has_more = self.header.trace != Trace::Errors && !self.is_done() && !self.sections.has_complete();
        (line.caller.is_none() && is_close && has_trace && has_more).then_some(self.owner)
    }

    /// A line of something else.
    pub(super) fn foreign(&mut self, line: &Line<'_>) -> Belongs {
        // A program's, which the console mixes in: it says nothing about the kernel's.
        if line.is_doubtful {
            return Belongs::Yes;
        }
        self.gap.lines += 1;
        let since_us = *self.gap.since_us.get_or_insert(line.stamp_us.unwrap_or(0));
        let is_long =
            self.gap.lines > GAP_LINES || line.stamp_us.unwrap_or(0).saturating_sub(since_us) > GAP_US;
        // Where the log says who wrote a line, one that writes another has ended its trace.
        if is_long || line.caller.is_some() {
            let section = self.sections.current();
            section.is_over |= section.count > 0;
        }
        if self.is_done() && (is_long || line.caller.is_some()) { Belongs::No } else { Belongs::Yes }
    }
}
