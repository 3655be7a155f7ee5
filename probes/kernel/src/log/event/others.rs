//! Lines of others among those of an event.

use super::super::headers::{Header, Trace};
use super::super::limits::{GAP_LINES, GAP_US, MIXED_US, STALLED};
use super::super::line::{Caller, Line};
use super::super::oops::Kind;
use super::super::styles::{self, Frame, Title};
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
    /// Whether lines of this caller are of this event.
    pub(in crate::log) fn is_of(&self, caller: Option<Caller>) -> bool {
        self.oops.caller == caller || caller.is_some_and(|caller| self.answering.contains(&caller))
    }

    /// Takes the lines of another processor from this one on, if that begins the trace that it was asked for: where the log
    /// names callers, an interrupt that a stalled processor answers is its own.
    ///
    /// ```text
    /// [   C0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
    /// [   C0] Sending NMI from CPU 0 to CPUs 1:
    /// [   C1] NMI backtrace for cpu 1
    /// ```
    pub(in crate::log) fn is_answered(&mut self, line: &Line<'_>) -> bool {
        let Some(caller @ Caller::Processor(own)) = line.caller else { return false };
        let is_asked = match self.header.trace {
            Trace::Stall => true,
            Trace::Processor => self.named.cpu == Some(own),
            _ => false,
        };
        if !is_asked || self.answering.len() >= STALLED {
            return false;
        }
        let Some((Title::Processor(cpu), _)) = styles::title(line.text) else { return false };
        if cpu == own {
            self.answering.push(caller);
        }
        cpu == own
    }

    /// What this caller writes now is of something else.
    pub(in crate::log) fn is_answered_no_more(&mut self, caller: Option<Caller>) {
        self.answering.retain(|answering| Some(*answering) != caller);
    }

    /// Where another one goes on, the trace of the one before is over.
    pub(super) fn note_speaker(&mut self, caller: Option<Caller>) {
        if self.speaker != caller {
            self.speaker = caller;
            let section = self.sections.current();
            section.is_over |= section.count > 0;
        }
    }

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
