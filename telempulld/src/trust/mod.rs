//! Whom telempulld trusts, and who it is.

mod identity;
mod lists;
mod tls;

pub(crate) use lists::Trust;
pub(crate) use tls::config;
