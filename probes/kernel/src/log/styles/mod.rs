//! How traces are written: the second of the three tables that know kernels. [`table`] has a row for each style, `frame`
//! reads a line of a trace, `pointer` an instruction pointer, `title` what stands above a trace, `filler` what stands in
//! and around it.

mod filler;
mod frame;
mod pointer;
mod symbol;
mod table;
mod title;

pub(super) use filler::{is_end, is_filler, is_registers_of_program};
pub use frame::Frame;
pub(super) use frame::{each_frame, has_frame, is_mark};
pub(super) use pointer::instruction;
pub(super) use symbol::without_suffixes;
pub(super) use table::STYLES;
pub(super) use title::{Title, title};
