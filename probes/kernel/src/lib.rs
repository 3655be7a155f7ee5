//! What went wrong in the kernel: klogscanner follows its log, pstoreclean and pstoreprobe take what the kernel kept of it
//! over a restart. All three are readers of one text, which [`mod@log`] takes apart.

pub mod klogscanner;
pub mod log;
pub mod pstore;
