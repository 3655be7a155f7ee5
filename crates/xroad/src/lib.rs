//! What X-Road says, as both sides of it read it: telempulld, which answers, and the collector, which asks.
//!
//! ```text
//!  bytes, bounded by the caller ─▶ xml: no document types, bounded depth and number of nodes ─┬▶ params: monitoring-params.xml
//!                                                                                             └▶ elements ─▶ identifier
//! ```
//!
//! Functions of values. Whoever calls bounds the bytes first: the tree of a document takes several times its text.

pub mod elements;
pub mod identifier;
pub mod limits;
pub mod names;
pub mod params;
pub mod xml;
