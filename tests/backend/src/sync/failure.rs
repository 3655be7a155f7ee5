//! Why nothing comes from a source, and what helps.

use serde_json::Value;

use super::client::Answer;
use super::source::Source;
use crate::storage::StorageError;
use crate::trust::Fingerprint;

/// Why a try is over.
#[derive(Debug)]
pub(super) enum Failure {
    /// The batch did not come through: the next one is smaller.
    Batch(String),
    /// It comes again by itself, soon.
    Busy(String),
    /// Anything else.
    Other(String),
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Other(error.to_string())
    }
}

impl Failure {
    pub(super) fn text(&self) -> &str {
        let (Self::Batch(text) | Self::Busy(text) | Self::Other(text)) = self;
        text
    }

    /// With what went wrong besides, before it could be tried again.
    pub(super) fn with(self, besides: &Self) -> Self {
        let more = |text: String| format!("{text}; then {}", besides.text());
        match self {
            Self::Batch(text) => Self::Batch(more(text)),
            Self::Busy(text) => Self::Busy(more(text)),
            Self::Other(text) => Self::Other(more(text)),
        }
    }

    /// What a refusal means, and what helps.
    pub(super) fn of_answer(answer: &Answer, source: &Source, own: Fingerprint) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let [code, message] =
            ["code", "message"].map(|name| body.get(name).and_then(Value::as_str).unwrap_or(""));
        let text = match (answer.status.as_u16(), code) {
            (403, "not_trusted") => {
                format!(
                    "it does not trust this collector; its list of trusted certificates needs the line: {own} role=fetch"
                )
            }
            (404, "not_a_buffer") => "it is no buffer; it needs buffer=true".to_owned(),
            (404, _) => "nothing is fetched from there: an old collector, or another path".to_owned(),
            (status, _) => format!("it answers {status}: {}", crate::record::quoted(message)),
        };
        let text = format!("{source}: {text}");
        match (answer.status.as_u16(), code) {
            (_, "expired_lease") => Self::Batch(text),
            (429 | 503, _) => Self::Busy(text),
            _ => Self::Other(text),
        }
    }
}
