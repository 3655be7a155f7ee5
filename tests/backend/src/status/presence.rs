//! Whether a machine is there: heard, silent, or an id that nobody expects any more.

use crate::samples::limits::ROTATING_SECS;

/// Intervals without a word after which a machine is silent.
pub const INTERVALS: i64 = 3;

/// The interval where none is known: a heartbeat comes once a day.
pub const UNKNOWN_INTERVAL_SECS: i64 = 24 * 60 * 60;

/// When a machine was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Whether it has a name: it is asked under it, or `[machine NAME]` has its id.
    pub is_named: bool,
    /// When it was first heard.
    pub first_secs: i64,
    /// When it was last heard.
    pub last_secs: i64,
    /// Seconds between two words, where that is known.
    pub interval_secs: Option<i64>,
}

/// Whether a machine is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It was heard within its time.
    Heard,
    /// A named machine that was not.
    Silent,
    /// An id that was not, and that did not live longer than ids do: its machine has another one now.
    Rotated,
    /// A static id without a name that was not. Nobody said that it has to be there.
    Left,
}

impl Contact {
    /// From when on it is not heard any more, if it says nothing until then.
    #[must_use]
    pub fn due_secs(&self) -> i64 {
        let interval = self.interval_secs.filter(|secs| *secs > 0).unwrap_or(UNKNOWN_INTERVAL_SECS);
        self.last_secs.saturating_add(interval.saturating_mul(INTERVALS))
    }

    /// Whether the machine is there.
    #[must_use]
    pub fn presence(&self, now_secs: i64) -> Presence {
        if now_secs < self.due_secs() {
            Presence::Heard
        } else if self.is_named {
            Presence::Silent
        } else if self.last_secs.saturating_sub(self.first_secs) <= ROTATING_SECS {
            Presence::Rotated
        } else {
            Presence::Left
        }
    }
}

impl Presence {
    /// Whether its checks, lines and forecasts have ended.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Rotated | Self::Left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn only_what_has_a_name_is_silent() {
        let contact = |is_named, days: i64, interval_secs| Contact {
            is_named,
            first_secs: 0,
            last_secs: days * DAY,
            interval_secs,
        };
        for (contact, after_secs, expected) in [
            (contact(true, 30, Some(300)), 899, Presence::Heard),
            (contact(true, 30, Some(300)), 900, Presence::Silent),
            (contact(true, 1, Some(300)), 900, Presence::Silent),
            (contact(false, 3, Some(300)), 899, Presence::Heard),
            (contact(false, 3, Some(300)), 900, Presence::Rotated),
            (contact(false, 4, Some(300)), 100 * DAY, Presence::Rotated),
            (contact(false, 5, Some(300)), 900, Presence::Left),
            (contact(true, 5, None), 3 * DAY - 1, Presence::Heard),
            (contact(true, 5, None), 3 * DAY, Presence::Silent),
            (contact(true, 5, Some(0)), 3 * DAY - 1, Presence::Heard),
            (contact(true, 5, Some(i64::MAX)), i64::MAX / 2, Presence::Heard),
        ] {
            let now = contact.last_secs.saturating_add(after_secs);
            assert_eq!(contact.presence(now), expected, "{contact:?} {after_secs}");
            assert_eq!(
                contact.presence(now).has_ended(),
                matches!(expected, Presence::Rotated | Presence::Left)
            );
        }
    }
}
