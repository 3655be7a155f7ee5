//! What went wrong in the kernel, from the lines that it logs.
//!
//! ```text
//!  /dev/kmsg ─ kmsg ─┐
//!  text      ─ line ─┼─▶ Line ─▶ Scanner ─▶ Oops ─▶ payload
//!  pstore    ─ line ─┘
//! ```
//!
//! All of it is functions of values: lines go in, an [`Oops`] comes out when it is whole. [`Scanner`] says where one
//! begins and ends, `start` which lines begin one, `facts` and `frame` what its lines say, `privacy` what of that
//! leaves the machine.
//!
//! Sources of the formats: `kernel/panic.c`, `lib/bug.c`, `arch/x86/kernel/dumpstack.c`, `mm/kasan/report.c`,
//! `kernel/watchdog.c`, `kernel/hung_task.c`, `kernel/rcu/tree_stall.h`, `kernel/locking/lockdep.c` and
//! `drivers/acpi/apei` of Linux, and its documents `admin-guide/bug-hunting.rst`, `admin-guide/tainted-kernels.rst` and
//! `ABI/testing/dev-kmsg`.

mod facts;
mod finding;
mod frame;
mod hardware_error;
mod kmsg;
mod limits;
mod line;
mod oops;
mod open;
mod payload;
mod privacy;
mod scanner;
mod start;

pub use finding::KernelFinding;
pub use frame::Frame;
pub use kmsg::{KmsgRecord, parse as parse_kmsg};
pub use limits::{KMSG_RECORD_BYTES, LINE_BYTES};
pub use line::{Caller, Line};
pub use oops::{Kind, Oops};
pub use payload::with_count;
pub use privacy::Privacy;
pub use scanner::Scanner;
