//! Limits of the handler, each with what it protects from.

use std::time::Duration;
use telemetry_crash::limits::MODULES;

/// From the start to the last try to send. The crashed process and its parent wait meanwhile.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Heap of the process that reads foreign bytes; mapped files are the page cache's and come on top.
pub(crate) const HEAP_BYTES: u64 = 64 * 1024 * 1024;

/// Handlers whose workers are at work at once, so that a crash of everything takes no more memory than that many
/// times [`HEAP_BYTES`].
pub(crate) const SLOTS: usize = 4;

/// Past [`TIME_LIMIT`] the system itself ends the handler: an open or a write that never returns (a file system
/// whose server is away) must not hold a process for ever.
pub(crate) const BACKSTOP_SECS: u32 = 15;

/// Messages that a worker may send: a file for each module, three tries for its debug data, and reports.
pub(crate) const MESSAGES: usize = 5 * MODULES;

/// Longest file that is mapped. Debug data of browsers is 2 to 4 GiB.
pub(crate) const MAPPED_FILE_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// For the packages of a report: the process is gone by then, and its parent does not wait any more.
pub(crate) const PACKAGE_TIME: Duration = Duration::from_millis(500);

/// Longest list of dpkg; `status` has some MiB.
pub(crate) const PACKAGE_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Longest text of `/proc/PID` that is read: `status` has about 1.5 KiB.
pub(crate) const PROC_TEXT_BYTES: u64 = 16 * 1024;

/// What nearly all of them have; `status` is the longest, with 1,400 bytes.
pub(crate) const PROC_TEXT_USUAL_BYTES: usize = 4096;

/// Name of a thread, in bytes: `TASK_COMM_LEN` is 16, and those of kernel threads are printed with up to 64.
pub(crate) const NAME_BYTES: usize = 64;

/// How long other handlers are waited for at the crash history, whose lock is held for a fraction of it.
pub(crate) const HISTORY_PATIENCE: Duration = Duration::from_secs(1);
