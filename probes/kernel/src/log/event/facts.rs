//! What the lines of an event say besides its traces: modules, registers, the sentence of a sanitizer, ticks of a stall.

use super::super::headers::{self, Trace};
use super::super::limits::STALLED;
use super::super::styles;
use super::registers::has_registers;
use super::{Event, Owner};

/// What KASAN and KFENCE say was done.
const ACCESSES: [&str; 12] = [
    "Read of size ",
    "Write of size ",
    "Free of addr ",
    "Use-after-free read at ",
    "Use-after-free write at ",
    "Out-of-bounds read at ",
    "Out-of-bounds write at ",
    "Corrupted memory at ",
    "Invalid free of ",
    "Invalid read at ",
    "Invalid write at ",
    "Bytes ",
];

impl Event {
    /// Takes a fact of the event.
    pub(super) fn fact(&mut self, text: &str) -> bool {
        if headers::is_die(text) && self.oops.die.is_none() && !headers::is_die(&self.oops.reason) {
            // SPARC has the process before it.
            let die = text.find("Oops").and_then(|at| text.get(at..)).unwrap_or(text);
            self.oops.die = Some(die.trim_ascii().to_owned());
            return true;
        }
        match self.header.trace {
            Trace::Stall => self.stall(text),
            Trace::Access | Trace::AccessFirst => self.access(text),
            Trace::Lockdep => self.lock(text),
            Trace::Own => self.work(text),
            _ => false,
        }
    }

    fn access(&mut self, text: &str) -> bool {
        let is_it = ACCESSES.iter().any(|access| text.starts_with(access));
        if is_it && self.oops.message.is_none() {
            self.oops.message = Some(text.trim_ascii().trim_end_matches(':').to_owned());
        }
        is_it
    }

    /// `     preempt=0x00000000 lock=0->1 RCU=0->0 workfn=fn`, until 6.10 `     last function: fn`: a worker leaked something, and its
    /// trace has no frame of what it ran.
    fn work(&mut self, text: &str) -> bool {
        let line = text.trim_ascii_start();
        let is_it =
            line.starts_with("last function: ") || line.starts_with("preempt=") && line.contains(" workfn=");
        if is_it && self.oops.message.is_none() {
            self.oops.message = Some(line.trim_ascii_end().to_owned());
        }
        is_it
    }

    /// ` #0: ffff8880160c1050 (&gts->ts_ctxlock){+.+.}-{3:3}, at: fn+0x1a/0x60`
    fn lock(&mut self, text: &str) -> bool {
        let lock = text.trim_ascii();
        let is_it = lock.starts_with('#') && lock.contains(", at: ");
        if is_it && self.held_lock.is_none() {
            self.held_lock = Some(lock.to_owned());
        }
        is_it
    }

    /// ```text
    /// rcu:     1-...!: (3 GPs behind) idle=19a/1/0x4000000000000002 softirq=12356/12357 fqs=2
    /// INFO: rcu_sched self-detected stall on CPU { 1}  (t=2100 jiffies g=1 c=0 q=12)
    /// rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-.... } 6557 jiffies
    /// ```
    pub(super) fn stall(&mut self, text: &str) -> bool {
        let line = text.strip_prefix("rcu:").unwrap_or(text).trim_ascii();
        if let Some((_, list)) = line.split_once('{') {
            let list = list.split('}').next().unwrap_or_default();
            list.split_ascii_whitespace().filter_map(leading_number).for_each(|cpu| self.add_stalled(cpu));
        }
        let Some((cpu, rest)) = line.split_once('-') else { return false };
        let Ok(cpu) = cpu.parse() else { return false };
        let Some((flags, facts)) = rest.split_once(": ") else { return false };
        if flags.len() > 8 || !facts.starts_with('(') {
            return false;
        }
        self.add_stalled(cpu);
        if self.oops.stalled.is_none() {
            self.oops.stalled = Some(line.to_owned());
        }
        true
    }

    fn add_stalled(&mut self, cpu: u32) {
        if self.stalled.len() < STALLED {
            self.stalled.push(cpu);
        }
    }

    /// Takes a line with registers.
    pub(super) fn registers(&mut self, text: &str) -> bool {
        self.in_program |= styles::is_registers_of_program(text);
        let is_of_own = self.owner.is_none_or(|owner: Owner| self.named.agrees(&owner));
        if !is_of_own || self.in_program && !text.starts_with("CR2: ") {
            return true;
        }
        if has_registers(text) {
            self.oops.registers.push_str(text);
            self.oops.registers.push('\n');
        }
        true
    }

    /// `Modules linked in: a b(O) [last unloaded: c]`, and its next lines where it is long.
    pub(super) fn modules(&mut self, text: &str) -> bool {
        let was_in_modules = std::mem::replace(&mut self.in_modules, false);
        if let Some(list) = text.trim_ascii_start().strip_prefix("Modules linked in:") {
            self.in_modules = true;
            let list = list.trim_ascii();
            if self.oops.modules.is_none() && !list.is_empty() {
                self.oops.modules = Some(list.to_owned());
            }
            return true;
        }
        let is_list = was_in_modules && text.starts_with(' ') && !text.contains(": ");
        if let Some(modules) = self.oops.modules.as_mut().filter(|_| is_list) {
            modules.push(' ');
            modules.push_str(text.trim_ascii());
            self.in_modules = true;
        }
        is_list
    }
}

fn leading_number(word: &str) -> Option<u32> {
    let digits = word.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}
