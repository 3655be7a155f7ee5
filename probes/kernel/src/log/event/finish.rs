//! What an event was, once no line of it comes any more.

use super::super::oops::Oops;
use super::Event;

impl Event {
    /// Whether the OOM killer kept a cgroup within its limit, which is no failure: only its trace says so in time.
    fn is_of_group(&self) -> bool {
        self.oops.reason.contains(" invoked oom-killer: ") && self.sections.has_function("mem_cgroup_")
    }

    /// The event, as far as it came; none if it was a program's text, or no failure.
    pub(in crate::log) fn finish(mut self) -> Option<Oops> {
        let own = self.sections.own(self.header.trace, &self.named, &self.stalled);
        if let Some(section) = own {
            self.oops.trace.clone_from(&section.lines);
            self.oops.instruction.clone_from(&section.pointer);
        } else {
            self.oops.instruction.clone_from(&self.sections.current().pointer);
            self.oops.foreign_lines = 0;
            self.oops.message = self.oops.message.or(self.held_lock.take());
        }
        if self.is_of_group() {
            return None;
        }
        let is_sure = self.oops.version.is_some() || self.oops.trace.lines().count() > 1;
        (!self.is_doubtful || is_sure).then_some(self.oops)
    }
}
