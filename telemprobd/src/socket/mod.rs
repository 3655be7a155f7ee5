//! The socket: who listens on it, who is connected, and what they have sent so far.

mod accept_queue;
mod client;
mod connections;
mod listen_fds;
mod listener;
mod session;

pub(crate) use accept_queue::AcceptQueue;
pub(crate) use client::{Client, Received, refuse};
pub(crate) use connections::Connections;
pub use listener::ListenError;
pub(crate) use listener::Listener;
