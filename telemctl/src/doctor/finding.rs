//! What was found, and what to do about it.

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should know; or it could not be seen.
    Warning,
    /// Records are not taken, not delivered, or not safe.
    Error,
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
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

    /// A part of the status that could not be seen. What the status says of it ends with the remedy, behind a semicolon.
    pub(super) fn unseen(about: &'static str, error: &str) -> Self {
        let (text, remedy) = error.rsplit_once("; ").unwrap_or((error, "run this as root"));
        Self::warning(about, text, remedy)
    }

    pub(super) fn error(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Error, about, text: text.into(), remedy: Some(remedy.into()) }
    }
}

/// A finding in short, for tables in tests: its level and a part of its line.
#[cfg(test)]
#[track_caller]
pub(super) fn assert_finding(finding: &Finding, level: Level, part: &str) {
    let line = format!("{}; {}", finding.text, finding.remedy.as_deref().unwrap_or_default());
    assert!(finding.level == level && line.contains(part), "{level:?} `{part}`: {finding:?}");
}
