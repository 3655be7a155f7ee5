//! What went wrong in the kernel, from the lines that it logs.
//!
//! ```text
//!  /dev/kmsg ─ kmsg ──┐
//!  a file    ─ forms ─┼─▶ Line ─▶ Scanner ─▶ Oops ─▶ payload
//!  pstore    ─ forms ─┘
//! ```
//!
//! All of it is functions of values: lines go in, an [`Oops`] comes out when it is whole. [`Scanner`] says where one
//! begins and ends, `event` what its lines say, `privacy` what of that leaves the machine.
//!
//! Three tables are all that knows kernels: `headers` (which lines begin an event), `styles` (how traces are written) and
//! `forms` (what loggers put before a line). Each row has a line of its printer, which the tests hold against it;
//! `docs/kernel-logs.md` is printed from them.
//!
//! ```text
//! event   := prelude? header (context | dump)* section* end?
//! prelude := "cut here" (message)?               message only if it is the one line between, of the same caller
//! section := title? (frame | mark | filler | pointer)+
//! end     := "---[ end trace" | another header of the same owner | a section that is another's | pause | bound
//! ```
//!
//! Sources of the formats: `kernel/panic.c`, `lib/bug.c`, `arch/x86/kernel/dumpstack.c`, `mm/kasan/report.c`,
//! `kernel/watchdog.c`, `kernel/hung_task.c`, `kernel/rcu/tree_stall.h`, `kernel/locking/lockdep.c` and
//! `drivers/acpi/apei` of Linux, and its documents `admin-guide/bug-hunting.rst`, `admin-guide/tainted-kernels.rst` and
//! `ABI/testing/dev-kmsg`.

mod by_prefix;
mod event;
mod finding;
mod forms;
mod hardware_error;
mod headers;
mod kmsg;
mod limits;
mod line;
mod numbers;
mod oops;
mod payload;
mod phrases;
mod privacy;
mod reporters;
mod scanner;
mod styles;
mod tables;

pub use finding::KernelFinding;
pub use forms::{Log, LogError, Reader, read_line};
pub use kmsg::{KmsgRecord, parse as parse_kmsg};
pub use limits::{KMSG_RECORD_BYTES, LINE_BYTES};
pub use line::{Caller, Line};
pub use oops::{Kind, Oops};
pub use payload::with_count;
pub use privacy::Privacy;
pub use scanner::Scanner;
pub use styles::Frame;
pub use tables::tables;
