//! telempulld: answers those who ask how this machine is. What is answered, and whom, is decided in `telempull-answers`.
//!
//! ```text
//!  sockets of systemd, or our own ─▶ serve: TLS, bounds of connections ─▶ respond: who? how much? ─▶ answers
//!                                              │                                  │
//!                              trust: identity, list, first use         readings: one reading a second for all
//! ```
//!
//! One thread serves; another reads lists and compares passwords, and ends when it has had nothing to do.

pub mod cli;
mod daemon;
mod error;
pub mod limits;
mod parameters;
mod passwords;
mod rate;
mod readings;
mod respond;
mod serve;
mod shared;
mod sockets;
mod ticks;
mod trust;

pub use daemon::{preview, run};
pub use error::DaemonError;
pub use passwords::Login;
pub use respond::host::is_own_host;
