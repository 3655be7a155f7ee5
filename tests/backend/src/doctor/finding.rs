//! What was found, and what to do about it.

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should know; or it could not be seen.
    Warning,
    /// Records are not taken, not fetched, or not safe.
    Error,
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A finding: one line for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was checked.
    pub(super) about: &'static str,
    pub(super) text: String,
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(about: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, about, text: text.into(), remedy: None }
    }

    pub(super) fn warning(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, about, text: text.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn error(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Error, about, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// For people. What others said comes without characters that a terminal obeys.
    pub(super) fn line(&self) -> String {
        let Self { level, about, text, remedy } = self;
        let remedy = remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let said = format!("{text}{remedy}");
        let said: String = said.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        format!("{:<7} {about}: {said}\n", level.name())
    }
}
