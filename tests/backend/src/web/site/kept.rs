//! What people changed beside groups, in words.

use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use crate::storage::answers::KeptChange;
use crate::timestamp::format_utc;

/// For templates.
pub(super) fn value(change: &KeptChange) -> Value {
    let KeptChange { id, subject, object, what, was, became, who, when_secs } = change.clone();
    context! { id, subject, object, what, was, became, who, when_secs }
}

/// For JSON.
pub(super) fn json(change: &KeptChange) -> Json {
    json!({
        "id": change.id,
        "subject": change.subject,
        "object": change.object,
        "what": change.what,
        "who": change.who,
        "when": format_utc(change.when_secs),
        "before": change.was,
        "after": change.became,
    })
}
