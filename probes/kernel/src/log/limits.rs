//! Limits of what is taken from a kernel's log.

/// Longest record of /dev/kmsg, in bytes: `PRINTK_MESSAGE_MAX` of the kernel is 2048, CONSOLE_EXT_LOG_MAX was 8192.
pub const KMSG_RECORD_BYTES: usize = 8192;

/// Longest line that is read, in bytes; the rest is left out. The kernel's own are 1024 at most.
pub const LINE_BYTES: usize = 2048;

/// Lines of one event that are read: lockdep has 400 of them before the trace.
pub(super) const EVENT_LINES: usize = 2000;

/// Lines of one trace that are reported (contract).
pub(super) const SECTION_LINES: usize = 100;

/// Traces of one event that are kept until it is known which is the failure's.
pub(super) const SECTIONS: usize = 32;

/// Events that are open at one time, each of another caller: more processors than that do not fail at once.
pub(super) const OPEN: usize = 64;

/// Pause between two lines of the same event, in microseconds. Lines of one event follow each other at the pace of the
/// slowest console; what comes later is something else.
pub(super) const PAUSE_US: u64 = 10_000_000;

/// The same before the line that names processor and process, where the log names no callers: 1.1 seconds were seen.
pub(super) const BEFORE_CONTEXT_US: u64 = 2_000_000;

/// Step back in time from line to line within one boot, in microseconds: processors write at once.
pub(super) const BACK_US: u64 = 1_000_000;

/// Time in which lines of two processors may be mixed, in microseconds.
pub(super) const MIXED_US: u64 = 100_000;

/// Lines of others within a trace, and the time that they take: 11 lines were seen, and 0.2 seconds.
pub(super) const GAP_LINES: usize = 12;
pub(super) const GAP_US: u64 = 1_000_000;

/// Lines of a prelude after which its `cut here` belongs to nothing any more.
pub(super) const PRELUDE_LINES: usize = 8;

/// Stalled processors that are remembered of a stall.
pub(super) const STALLED: usize = 64;

/// Hardware errors of one event.
pub(super) const HARDWARE_ERRORS: usize = 100;

/// Longest list of modules in a payload, in bytes. A desktop has 2 KiB of them; more would leave no room for frames.
pub(super) const MODULES_BYTES: usize = 3072;

/// Longest reason and longest message in a payload, in bytes.
pub(super) const SENTENCE_BYTES: usize = 512;

/// Lines from which the form of a file is known.
pub(super) const DETECTION_LINES: usize = 2000;

/// Longest entry of a journal in JSON or in the export format, in bytes.
pub(super) const ENTRY_BYTES: usize = 64 * 1024;

/// Fragments of netconsole are joined within so many lines.
pub(super) const FRAGMENT_LINES: usize = 16;
