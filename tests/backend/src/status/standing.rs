//! Which is worst.

/// What a check says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// All is well.
    Ok,
    /// It needs to be seen to.
    Warning,
    /// It is broken.
    Critical,
    /// The check could not find out.
    Unknown,
}

/// Where something stands in a list of what is wrong, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A check is CRITICAL.
    Critical,
    /// Nothing was heard for too long, so that what was last said may be wrong.
    Silent,
    /// A check could not find out.
    Unknown,
    /// A check is WARNING.
    Warning,
    /// Whatever it is, it was planned.
    Planned,
    /// All is well.
    Ok,
}

impl CheckState {
    /// All, as Nagios numbers them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Critical, Self::Unknown];

    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// As Nagios numbers it.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// Of such a number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| i64::from(state.number()) == number)
    }
}

impl Standing {
    /// All, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Critical, Self::Silent, Self::Unknown, Self::Warning, Self::Planned, Self::Ok];

    /// Of a check: what was planned is planned; else the worse of its state and of silence.
    #[must_use]
    pub fn new(state: CheckState, is_silent: bool, is_planned: bool) -> Self {
        let own = match state {
            CheckState::Ok => Self::Ok,
            CheckState::Warning => Self::Warning,
            CheckState::Critical => Self::Critical,
            CheckState::Unknown => Self::Unknown,
        };
        if is_planned {
            Self::Planned
        } else if is_silent {
            own.min(Self::Silent)
        } else {
            own
        }
    }

    /// Its name in addresses and style sheets.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Silent => "silent",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Planned => "planned",
            Self::Ok => "ok",
        }
    }

    /// Of such a name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        use CheckState::{Critical, Ok, Unknown, Warning};
        let silent = true;
        let mut all = [
            (Ok, !silent, false),
            (Critical, silent, true),
            (Warning, !silent, false),
            (Unknown, !silent, false),
            (Ok, silent, false),
            (Critical, silent, false),
        ];
        all.sort_by_key(|(state, silent, planned)| Standing::new(*state, *silent, *planned));
        let names: Vec<&str> = all
            .iter()
            .map(|(state, silent, planned)| Standing::new(*state, *silent, *planned).name())
            .collect();
        assert_eq!(names, ["critical", "silent", "unknown", "warning", "planned", "ok"]);
        assert_eq!(Standing::ALL.map(Standing::name).as_slice(), names);
    }

    #[test]
    fn words_and_numbers_are_read_back() {
        for state in CheckState::ALL {
            assert_eq!(CheckState::from_word(state.word()), Some(state));
            assert_eq!(CheckState::from_number(i64::from(state.number())), Some(state));
        }
        assert_eq!((CheckState::from_word("ok"), CheckState::from_number(4)), (None, None));
        for standing in Standing::ALL {
            assert_eq!(Standing::from_name(standing.name()), Some(standing));
        }
    }
}
