//! Whether a machine is there: heard, silent, or an id that nobody expects any more.

use super::Spans;

/// Intervals without a word after which a machine is silent.
const INTERVALS: i64 = 3;

/// The interval where none is known: a heartbeat comes once a day.
pub const UNKNOWN_INTERVAL_SECS: i64 = 24 * 60 * 60;

/// An id that was seen for longer is static: by default ids live for three days.
const ROTATING_SECS: i64 = 4 * 24 * 60 * 60;

/// What is known of a machine's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
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

impl Words {
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

/// When a machine was silent in a stretch of time, by the times at which it was heard, in their order, those before the
/// stretch among them: from three intervals after a word to the next one.
#[must_use]
pub fn silences(heard: &[i64], interval_secs: i64, (from, until): (i64, i64)) -> Spans {
    let patience = interval_secs.max(1).saturating_mul(INTERVALS);
    let mut found = Vec::new();
    let mut silent_from = from;
    for word in heard.iter().copied().take_while(|word| *word < until) {
        if word > silent_from {
            found.push((silent_from, word));
        }
        silent_from = silent_from.max(word.saturating_add(patience));
    }
    found.push((silent_from, until));
    Spans::new(found).within((from, until))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn only_what_has_a_name_is_silent() {
        let words = |is_named, days: i64, interval_secs| Words {
            is_named,
            first_secs: 0,
            last_secs: days * DAY,
            interval_secs,
        };
        for (words, after_secs, expected) in [
            (words(true, 30, Some(300)), 899, Presence::Heard),
            (words(true, 30, Some(300)), 900, Presence::Silent),
            (words(true, 1, Some(300)), 900, Presence::Silent),
            (words(false, 3, Some(300)), 899, Presence::Heard),
            (words(false, 3, Some(300)), 900, Presence::Rotated),
            (words(false, 4, Some(300)), 100 * DAY, Presence::Rotated),
            (words(false, 5, Some(300)), 900, Presence::Left),
            (words(true, 5, None), 3 * DAY - 1, Presence::Heard),
            (words(true, 5, None), 3 * DAY, Presence::Silent),
            (words(true, 5, Some(0)), 3 * DAY - 1, Presence::Heard),
            (words(true, 5, Some(i64::MAX)), i64::MAX / 2, Presence::Heard),
        ] {
            let now = words.last_secs.saturating_add(after_secs);
            assert_eq!(words.presence(now), expected, "{words:?} {after_secs}");
            assert_eq!(
                words.presence(now).has_ended(),
                matches!(expected, Presence::Rotated | Presence::Left)
            );
        }
    }

    proptest! {
        #[test]
        fn silence_is_no_word_for_three_intervals(
            mut heard in proptest::collection::vec(0_i64..500, 0..12), interval in 1_i64..30, from in 0_i64..500, length in 0_i64..200,
        ) {
            heard.sort_unstable();
            let until = from + length;
            let found = silences(&heard, interval, (from, until));
            for second in from..until {
                // Before the first word nothing is known.
                let word = heard.iter().any(|word| (second - 3 * interval + 1..=second).contains(word));
                prop_assert_eq!(found.at(second).is_some(), !word, "{} {:?}", second, found);
            }
            prop_assert!(found.within((from, until)) == found);
        }
    }
}
