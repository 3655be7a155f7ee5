//! Which is worst.

use crate::samples::CheckState;

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
    /// There was no result yet.
    Pending,
    /// All is well.
    Ok,
}

impl Standing {
    /// All, the worst first.
    pub const ALL: [Self; 7] =
        [Self::Critical, Self::Silent, Self::Unknown, Self::Warning, Self::Planned, Self::Pending, Self::Ok];

    /// Of a check: what was planned is planned; else the worse of its state and of silence.
    #[must_use]
    pub fn new(state: CheckState, is_silent: bool, is_planned: bool) -> Self {
        let own = match state {
            CheckState::Ok | CheckState::Gone => Self::Ok,
            CheckState::Pending => Self::Pending,
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
            Self::Pending => "pending",
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
        use CheckState::{Critical, Ok, Pending, Unknown, Warning};
        let silent = true;
        let mut all = [
            (Ok, !silent, false),
            (Critical, silent, true),
            (Pending, !silent, false),
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
        assert_eq!(names, ["critical", "silent", "unknown", "warning", "planned", "pending", "ok"]);
        assert_eq!(Standing::ALL.map(Standing::name).as_slice(), names);
    }

    #[test]
    fn names_are_read_back() {
        for standing in Standing::ALL {
            assert_eq!(Standing::from_name(standing.name()), Some(standing));
            assert_eq!(Standing::from_name(&standing.name().to_uppercase()), Some(standing));
        }
        assert_eq!(Standing::from_name("gone"), None);
    }
}
