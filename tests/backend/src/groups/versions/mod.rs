//! Versions: what can be compared with what, and in which order.

mod line;
mod sort_key;

pub use line::{Line, LineSpan, NoLine, Version, leading_span, version_of, version_of_machine};
pub use sort_key::{Order, sort_key};
