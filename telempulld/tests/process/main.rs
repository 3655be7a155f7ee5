//! telempulld as a process, asked by curl with certificates that openssl has made.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod access;
mod bounds;
mod identity;
mod life;
mod machine;
mod soap;
