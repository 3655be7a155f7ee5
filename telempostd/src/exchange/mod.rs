//! The exchanges with servers.

pub(crate) mod response;
pub(crate) mod upload;
