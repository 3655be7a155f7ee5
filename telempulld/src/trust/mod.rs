//! Whom telempulld trusts, and who it is.
//!
//! A second copy of what the collector has: the two share no code, so that each stays the other's judge, and `crates/trust`
//! stays without TLS.

mod identity;
mod lists;
mod tls;

pub(crate) use lists::Trust;
pub(crate) use tls::config;
