//! Limits of what is taken from a kernel's log.

/// Longest record of /dev/kmsg, in bytes: `PRINTK_MESSAGE_MAX` of the kernel is 2048, CONSOLE_EXT_LOG_MAX was 8192.
pub const KMSG_RECORD_BYTES: usize = 8192;

/// Longest line that is read, in bytes; the rest is left out. The kernel's own are 1024 at most.
pub const LINE_BYTES: usize = 2048;

/// Lines of one oops (contract).
pub(super) const OOPS_LINES: usize = 100;

/// Oopses that are open at one time, each of another caller: more processors than that do not fail at once.
pub(super) const OPEN: usize = 64;

/// Pause between two lines of the same oops, in microseconds. Lines of one oops follow each other at the pace of the
/// slowest console; what comes later is something else.
pub(super) const PAUSE_US: u64 = 10_000_000;

/// Step back in time from line to line within one boot, in microseconds: processors write at once.
pub(super) const BACK_US: u64 = 1_000_000;

/// Time in which lines of two processors may be mixed, in microseconds.
pub(super) const MIXED_US: u64 = 100_000;

/// Lines between `cut here` and the line that says what it is.
pub(super) const MESSAGE_LINES: usize = 4;

/// Longest list of modules in a payload, in bytes. A desktop has 2 KiB of them; more would leave no room for frames.
pub(super) const MODULES_BYTES: usize = 3072;

/// Longest reason and longest message in a payload, in bytes.
pub(super) const SENTENCE_BYTES: usize = 512;
