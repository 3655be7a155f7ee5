//! The collector as a process: real sockets, real signals, a database in a temporary directory.

// clippy.toml lets tests panic, but knows no functions that tests share.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../support/postgres.rs"]
#[expect(dead_code, reason = "the tests of single modules need more of it")]
mod cluster;
mod collector;
mod http;
#[path = "../support/machines.rs"]
mod machines;
mod party;
mod sample;
mod senders;
mod telempulld;
mod wire;

mod access;
mod chain;
mod changes;
mod compressed;
mod confined;
mod doctor;
mod forgetting;
mod guilties;
mod idempotency;
mod load;
mod odd_certificates;
mod page;
mod plugins;
mod postgres;
mod posting;
mod pull_identities;
mod pull_turns;
mod pulling;
mod queries;
mod questions;
mod records;
mod refusals;
mod regrouping;
mod renewal;
mod roles;
mod rotation;
mod rules;
mod security_server;
mod site;
mod start;
mod status;
mod stop;
mod symbols;
mod sync;
mod tls;
mod transfer;
mod trusted;
mod turns;
