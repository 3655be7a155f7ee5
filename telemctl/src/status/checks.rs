//! How many checks are in which state; `telemctl check` has each.

use super::unreadable;
use crate::environment::has_checks;
use crate::settings::Settings;
use serde::Serialize;
use telemetry_store::check_states::{self, CheckStates, State};

/// Numbers of checks by state.
#[derive(Debug, Default, Serialize)]
pub(crate) struct CheckCounts {
    ok: u64,
    warning: u64,
    critical: u64,
    unknown: u64,
    pending: u64,
    error: Option<String>,
    /// Whether there are definitions.
    #[serde(skip)]
    are_defined: bool,
}

impl CheckCounts {
    pub(super) fn from_installation(settings: &Settings) -> Self {
        let state_dir = &settings.state_dir;
        let counts = match CheckStates::read(state_dir) {
            Ok(states) => Self::new(&states.unwrap_or_default()),
            Err(error) => {
                Self { error: Some(unreadable(&check_states::path(state_dir), &error)), ..Self::default() }
            }
        };
        Self { are_defined: has_checks(&settings.etc_dir), ..counts }
    }

    fn new(states: &CheckStates) -> Self {
        let mut counts = Self::default();
        for check in states.checks.values() {
            *match check.state {
                Some(State::Ok) => &mut counts.ok,
                Some(State::Warning) => &mut counts.warning,
                Some(State::Critical) => &mut counts.critical,
                Some(State::Unknown) => &mut counts.unknown,
                None => &mut counts.pending,
            } += 1;
        }
        counts
    }

    /// For people; none where no check is defined or has run.
    pub(super) fn line(&self) -> Option<String> {
        let counts = [
            ("CRITICAL", self.critical),
            ("UNKNOWN", self.unknown),
            ("WARNING", self.warning),
            ("PENDING", self.pending),
            ("OK", self.ok),
        ];
        let there: Vec<_> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let line = (!there.is_empty()).then(|| format!("{}; see `telemctl check`", there.join(", ")));
        let unknown = || self.are_defined.then(|| "defined in checks.d; none has run".to_owned());
        self.error.clone().or(line).or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_store::check_states::CheckState;

    #[test]
    fn the_worst_come_first() {
        let states = [Some(State::Ok), None, Some(State::Critical), Some(State::Ok)];
        let checks = states.into_iter().enumerate();
        let checks = checks.map(|(n, state)| (n.to_string(), CheckState { state, ..CheckState::default() }));
        let counts = CheckCounts::new(&CheckStates { updated_unix_secs: 1, checks: checks.collect() });
        assert_eq!(counts.line().unwrap(), "1 CRITICAL, 1 PENDING, 2 OK; see `telemctl check`");
        assert_eq!(CheckCounts::default().line(), None);
        let defined = CheckCounts { are_defined: true, ..CheckCounts::default() };
        assert_eq!(defined.line().unwrap(), "defined in checks.d; none has run");
    }
}
