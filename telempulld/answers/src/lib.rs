//! What telempulld answers, and whom. Functions of values: no network, and no clock but the caller's.
//!
//! ```text
//!  bytes ──▶ soap::Request ─┐                                            ┌─▶ soap::Answer   (parts, so that lists are streamed)
//!  certificate, password ───┴▶ access: Extent ──▶ Environment, cut to it ┼─▶ json
//!                                                     ▲                  └─▶ OpenMetrics
//!           sensors, windows, lists, state files ──▶ Gatherer
//! ```
//!
//! What leaves is decided in one place, [`access`], for every way alike.

pub mod access;
pub mod checks;
pub mod environment;
pub mod fields;
pub mod gatherer;
pub mod json;
pub mod limits;
pub mod settings;
pub mod soap;
pub mod window;
