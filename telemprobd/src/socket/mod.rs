//! The socket: who listens on it, who is connected, and what they have sent so far.

pub(crate) mod connections;
mod listen_fds;
pub(crate) mod listener;
mod session;
