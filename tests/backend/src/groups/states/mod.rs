//! The state of a group: what people said of it, what its silence says, and what came back.
//!
//! ```text
//!            fixed in V                 a record of V's line, version >= V
//!  ongoing ─────────────▶ fixed ──────────────────────────▶ regressed ── open ──▶ ongoing
//!     │                                                         ▲
//!     │ silence      probably fixed                             │
//!     └────────────▶ in V ──────────────────────────────────────┘
//!                     versions >= V on 3 machines on one day
//! ```
//!
//! The first line that fits is the state:
//!
//! | # | if | state |
//! |---|---|---|
//! | 1 | hidden, its end not reached | `hidden` |
//! | 2 | fixed in V, and came back since | `regressed` |
//! | 3 | fixed in V | `fixed` |
//! | 4 | was probably fixed in V, and came back since | `regressed`, though nobody had marked it |
//! | 5 | probably fixed | `probably_fixed` |
//! | 6 | first seen in the last 7 days | `new` |
//! | 7 | else | `ongoing` |
//!
//! Versions decide what came back, never the time of a record: a late record of an old version changes nothing, and
//! neither does a record without a version, or of another line.

mod marks;
mod silence;

pub use marks::{Fixed, Hidden, MarkRefused, Marks, ProbablyFixed, Regressed, Until, version_to_mark};
pub use silence::{Silence, VersionDay, next_version};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Seconds of a day.
pub(crate) const DAY_SECS: i64 = 24 * 60 * 60;

/// How long a group is new, in days.
const NEW_DAYS: i64 = 7;

/// The state of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// First seen in the last 7 days.
    New,
    /// Seen for longer.
    Ongoing,
    /// Silent on newer versions for so long that it is hardly chance.
    ProbablyFixed,
    /// A person said so.
    Fixed,
    /// It was fixed, or seemed so, and came back.
    Regressed,
    /// A person does not want to see it.
    Hidden,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::New, Self::Ongoing, Self::ProbablyFixed, Self::Fixed, Self::Regressed, Self::Hidden];

    /// The name by which pages and the interface know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ongoing => "ongoing",
            Self::ProbablyFixed => "probably_fixed",
            Self::Fixed => "fixed",
            Self::Regressed => "regressed",
            Self::Hidden => "hidden",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of a group beside its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Now, in Unix seconds.
    pub now_secs: i64,
    /// When its first record was received, in Unix seconds.
    pub first_seen_secs: i64,
    /// The largest number of its machines on one day, since it was hidden; 0 if it is not.
    pub machines_since_hidden: u64,
}

/// The state, by the first line of the table that fits.
#[must_use]
pub fn state(marks: &Marks, seen: &Seen) -> State {
    let is_new = seen.now_secs.saturating_sub(seen.first_seen_secs) < NEW_DAYS * DAY_SECS;
    match marks {
        Marks { hidden: Some(hidden), .. } if !hidden.is_over(seen) => State::Hidden,
        Marks { fixed: Some(_), regressed: Some(_), .. } => State::Regressed,
        Marks { fixed: Some(_), .. } => State::Fixed,
        Marks { probably_fixed: Some(_), regressed: Some(_), .. } => State::Regressed,
        Marks { probably_fixed: Some(_), .. } => State::ProbablyFixed,
        _ if is_new => State::New,
        _ => State::Ongoing,
    }
}

#[cfg(test)]
mod tests;
