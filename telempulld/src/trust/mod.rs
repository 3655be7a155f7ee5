//! Whom telempulld trusts, and who it is.

mod identity;
mod lists;
mod own;
mod tls;

pub(crate) use lists::Trust;
pub(crate) use own::Own;
pub(crate) use tls::config;
