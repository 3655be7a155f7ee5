//! The filters that hold, each with the way to be rid of it.

use serde::Serialize;

use super::ask::{Ask, is_position};

/// A filter that holds.
#[derive(Debug, Serialize)]
pub(super) struct Chip {
    name: String,
    value: String,
    /// The page without it.
    without: String,
}

/// Those of a page, in the order in which they were given.
pub(super) fn chips(ask: &Ask) -> Vec<Chip> {
    let filters =
        ask.pairs.iter().filter(|(name, _)| !is_position(name) && name != "next" && name != "limit");
    filters
        .map(|(name, value)| Chip {
            name: name.replace('_', " "),
            value: value.clone(),
            without: ask.with(name, ""),
        })
        .collect()
}
