//! The crash probe: from what the kernel pipes into it, or a core file, to a record that says where a
//! program crashed.
//!
//! ```text
//!  head of the core ──▶ core ──▶ registers, mappings ──▶ unwind ──▶ frames ──▶ names ──▶ report ──▶ record
//!  /proc/PID/mem, stream or file ──▶ memory ──▶──────────┘  ▲          ▲
//!  files of the process ──▶ elf, modules ──▶────────────────┴──────────┘
//! ```
//!
//! Everything up to `report` is a function of values: memory and files come in through [`memory::Memory`] and
//! [`modules::Files`]. `handler` is the edge: processes, privileges, descriptors, the time limit.

pub mod analysis;
pub mod core;
pub mod elf;
pub mod fault;
pub mod limits;
pub mod link_map;
pub mod memory;
pub mod modules;
pub mod names;
pub mod registers;
pub mod report;
pub mod trace;
pub mod unwind;
