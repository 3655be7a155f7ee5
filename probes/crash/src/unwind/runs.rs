//! The spans of stacks that a backtrace has walked, and where it may go on: upwards, or to another stack by a switch that
//! call frame information describes (coroutine libraries, runtimes that grow a stack by a new one).

use std::ops::Range;

/// How far below what was walked another stack of the same mapping begins at least: nearer lie dead frames.
const APART_BYTES: u64 = 256 * 1024;

/// Maximum of other stacks that a backtrace goes to; nested runtimes have two or three.
const SWITCHES: usize = 16;

/// A span of a stack that was walked upwards.
#[derive(Debug)]
struct Run {
    low: u64,
    high: u64,
    /// The memory that it lies in.
    mapping: Option<Range<u64>>,
}

/// All spans, in the order in which they were walked.
#[derive(Debug)]
pub(super) struct Runs {
    runs: Vec<Run>,
    switches: usize,
}

/// What leads to a stack pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// A signal frame: the interrupted stack may be anywhere.
    Signal,
    /// Call frame information whose CFA does not come from the stack pointer, to an address behind a call.
    Frame,
    /// Anything else, which only leads up.
    Upwards,
}

/// What a step to a stack pointer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    /// Further up, or out of a signal frame.
    Onward,
    /// To another stack, if the next step confirms it.
    Switch,
    /// It comes back to what was walked, or goes where no stack is.
    Refused,
}

impl Runs {
    /// Begins where the thread is.
    pub(super) fn new(sp: u64, mapping: Option<Range<u64>>) -> Self {
        Self { runs: vec![Run { low: sp, high: sp, mapping }], switches: 0 }
    }

    /// Goes on to this stack pointer, unless that is refused.
    pub(super) fn go(&mut self, sp: u64, mapping: Option<Range<u64>>, lead: Lead) -> Motion {
        let Some(current) = self.runs.last().map(|run| run.high) else { return Motion::Refused };
        let goes_up = sp >= current;
        let (below, now) = self.runs.split_at(self.runs.len().saturating_sub(1));
        let again = |run: &Run| (run.low..=run.high).contains(&sp);
        // Of the stack that is walked only what lies below: a frame may have no size.
        if below.iter().any(again) || !goes_up && now.iter().any(again) {
            return Motion::Refused;
        }
        if goes_up {
            self.extend(sp, mapping);
            return Motion::Onward;
        }
        let is_allowed = match lead {
            Lead::Signal => true,
            Lead::Frame => mapping.as_ref().is_some_and(|mapping| self.is_far_below(sp, mapping)),
            Lead::Upwards => false,
        };
        self.switches = self.switches.saturating_add(1);
        if !is_allowed || self.switches > SWITCHES {
            return Motion::Refused;
        }
        self.runs.push(Run { low: sp, high: sp, mapping });
        if lead == Lead::Signal { Motion::Onward } else { Motion::Switch }
    }

    fn extend(&mut self, sp: u64, mapping: Option<Range<u64>>) {
        match self.runs.last_mut() {
            Some(run) if run.mapping == mapping && sp.saturating_sub(run.high) <= APART_BYTES => {
                run.high = sp
            }
            _ => self.runs.push(Run { low: sp, high: sp, mapping }),
        }
    }

    /// Whether nothing was walked in this mapping, or only far above.
    fn is_far_below(&self, sp: u64, mapping: &Range<u64>) -> bool {
        let walked = self.runs.iter().filter(|run| run.mapping.as_ref() == Some(mapping));
        let lowest = walked.map(|run| run.low).min();
        lowest.is_none_or(|low| low.checked_sub(sp).is_some_and(|distance| distance > APART_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn whole() -> Option<Range<u64>> {
        Some(0..16 * MIB)
    }

    #[test]
    fn a_stack_is_walked_upwards_only() {
        let mut runs = Runs::new(MIB, whole());
        assert_eq!(runs.go(MIB + 64, whole(), Lead::Upwards), Motion::Onward);
        assert_eq!(runs.go(MIB + 64, whole(), Lead::Upwards), Motion::Onward, "a frame without a size");
        assert_eq!(runs.go(MIB + 32, whole(), Lead::Frame), Motion::Refused, "walked");
        assert_eq!(runs.go(MIB - 64, whole(), Lead::Frame), Motion::Refused, "a dead frame");
        assert_eq!(runs.go(MIB - MIB / 2, whole(), Lead::Upwards), Motion::Refused);
    }

    #[test]
    fn another_stack_is_far_below_or_elsewhere() {
        let mut runs = Runs::new(8 * MIB, whole());
        assert_eq!(runs.go(MIB, whole(), Lead::Frame), Motion::Switch);
        assert_eq!(runs.go(MIB + 100, whole(), Lead::Upwards), Motion::Onward);
        assert_eq!(runs.go(8 * MIB, whole(), Lead::Upwards), Motion::Refused, "back to what was walked");
        let mut runs = Runs::new(32 * MIB, Some(31 * MIB..33 * MIB));
        assert_eq!(runs.go(16 * MIB - 8, whole(), Lead::Frame), Motion::Switch);
        assert_eq!(runs.go(MIB, None, Lead::Frame), Motion::Refused, "no memory");
    }

    #[test]
    fn a_signal_handler_leads_anywhere_but_back_and_not_for_ever() {
        let mut runs = Runs::new(8 * MIB, whole());
        assert_eq!(runs.go(7 * MIB, whole(), Lead::Signal), Motion::Onward);
        assert_eq!(
            runs.go(7 * MIB, whole(), Lead::Signal),
            Motion::Onward,
            "checked by who compares addresses"
        );
        assert_eq!(runs.go(8 * MIB, whole(), Lead::Signal), Motion::Refused);
        let ends = (0..SWITCHES as u64).map(|n| runs.go(6 * MIB - n * 64, whole(), Lead::Signal)).last();
        assert_eq!(ends, Some(Motion::Refused));
    }
}
