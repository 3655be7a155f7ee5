//! The states of a check.

/// A state. Numbers are those of Nagios plugins as far as these have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Attention.
    Warning,
    /// It fails.
    Critical,
    /// It could not be found out.
    Unknown,
    /// There was no result yet.
    Pending,
    /// The machine has no such check any more.
    Gone,
}

impl CheckState {
    /// All, by their numbers.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Warning, Self::Critical, Self::Unknown, Self::Pending, Self::Gone];

    /// How machines and pages write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
            Self::Pending => "PENDING",
            Self::Gone => "GONE",
        }
    }

    /// What machines write.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word && *state != Self::Gone)
    }

    /// In tables.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
            Self::Pending => 4,
            Self::Gone => 5,
        }
    }

    /// Out of a table.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// How urgent it is: 0 is the worst.
    #[must_use]
    pub fn rank(self) -> i64 {
        match self {
            Self::Critical => 0,
            Self::Unknown => 1,
            Self::Warning => 2,
            Self::Pending => 3,
            Self::Ok => 4,
            Self::Gone => 5,
        }
    }
}
