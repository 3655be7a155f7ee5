//! Names as groups compare them: without what differs from one build, version, processor or run to the next.
//!
//! ```text
//! __memcpy_avx_unaligned_erms()               memcpy
//! std::vector<int, A<int> >::at(long) const   std::vector<T>::at
//! _ZN3app4load17h0123456789abcdefE            app::load
//! /usr/bin/python3.11 (deleted)               python3
//! libfoo.so.1.2                               libfoo.so.1
//! 0x7f12, "text", /home/me/x                  (number), (text), (path)
//! ```
//!
//! [`VERSION`] changes when any of it does, so that a collector knows which records to normalise again.

mod brackets;
mod demangle;
mod function;
mod module;
mod processor;
mod scan;
mod sentence;

pub use function::function;
pub use module::{kernel_module, module, program};
pub use sentence::sentence;

/// Version of these normal forms.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod golden;
