//! What a run came to, and what a range makes of it.

use crate::definition::Definition;
use telemetry_store::check_states::State;

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The value, where there is one.
    pub value: Option<f64>,
    /// The state that follows whatever the ranges say.
    pub verdict: Option<State>,
    /// A line for people.
    pub text: String,
    /// Performance data of a plugin, as it is shown.
    pub perfdata: String,
}

impl Measured {
    /// A value, which the ranges judge.
    pub fn value(value: f64, text: impl Into<String>) -> Self {
        Self { value: Some(value), text: text.into(), ..Self::default() }
    }

    /// A state, whatever the ranges say.
    pub fn verdict(state: State, text: impl Into<String>) -> Self {
        Self { verdict: Some(state), text: text.into(), ..Self::default() }
    }

    /// The state: critical comes before warning, and no value is unknown.
    pub fn state(&self, definition: &Definition) -> State {
        if let Some(verdict) = self.verdict {
            return verdict;
        }
        let Some(value) = self.value else { return State::Unknown };
        let alerts =
            |range: &Option<crate::range::Range>| range.as_ref().is_some_and(|range| range.alerts(value));
        match (alerts(&definition.critical), alerts(&definition.warning)) {
            (true, _) => State::Critical,
            (false, true) => State::Warning,
            (false, false) => State::Ok,
        }
    }
}
