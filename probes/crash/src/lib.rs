#![doc = include_str!("../README.md")]
//!
//! # The way of a crash
//!
//! ```text
//!  head of the core ──▶ core ──▶ registers, mappings ──▶ unwind ──▶ frames ──▶ names ──▶ report
//!  /proc/PID/mem, stream or file ──▶ memory ──▶──────────┘  ▲          ▲
//!  files of the process ──▶ elf, modules ──▶────────────────┴──────────┘
//! ```
//!
//! Memory and files come in through [`memory::Memory`] and [`files::Files`]; [`analysis::analyse`] goes the whole way.

pub mod analysis;
pub mod core;
mod debug_files;
pub mod elf;
pub mod fault;
pub mod files;
pub mod go;
pub mod limits;
pub mod link_map;
pub mod memory;
pub mod modules;
pub mod names;
pub mod package;
pub mod privacy;
pub mod registers;
pub mod report;
pub mod thread_name;
pub mod trace;
pub mod unwind;
