//! What the first line of a kernel report says: the kind of the fault, and where it was.

use crate::groups::names::{kernel_module, sentence};
use crate::groups::text::{Pattern, clean, group, replace};
use regex::Regex;

/// What the kernel complained about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    /// `NULL pointer dereference`, `KASAN: slab-out-of-bounds`, `panic: sysrq triggered crash`.
    pub(super) text: String,
    /// The function that it names, as it stands there, and its module.
    pub(super) function: Option<(String, String)>,
    /// The source that it names, without the line.
    pub(super) file: Option<String>,
    /// Whether the backtrace says nothing more: it is that of a timer or of whoever needed memory next.
    pub(super) is_enough: bool,
}

/// What a line contains, and what it is called. The first one counts.
const FAULTS: [(&str, &str); 40] = [
    ("NULL pointer dereference", "NULL pointer dereference"),
    ("paging request", "page fault"),
    ("page fault for address", "page fault"),
    ("Unable to handle kernel access", "page fault"),
    ("Unable to handle kernel write to read-only memory", "write to read-only memory"),
    ("stack guard page was hit", "stack overflow"),
    ("stack overflow", "stack overflow"),
    ("Insufficient stack space", "stack overflow"),
    ("soft lockup", "soft lockup"),
    ("hard LOCKUP", "hard lockup"),
    ("general protection fault", "general protection fault"),
    ("double fault", "double fault"),
    ("divide error", "divide error"),
    ("invalid opcode", "invalid opcode"),
    ("stack segment", "stack segment"),
    ("segment not present", "segment not present"),
    ("int3: ", "int3"),
    ("scheduling while atomic", "scheduling while atomic"),
    ("sleeping function called from invalid context", "sleeping function called from invalid context"),
    ("using smp_processor_id() in preemptible", "smp_processor_id() in preemptible code"),
    ("Bad page state", "bad page state"),
    ("Bad page map", "bad page map"),
    ("Bad rss-counter state", "bad rss-counter state"),
    ("workqueue lockup", "workqueue lockup"),
    ("self-detected stall", "RCU stall"),
    ("detected stall", "RCU stall"),
    ("detected expedited stall", "RCU stall"),
    ("blocked for more than", "hung task"),
    ("blocked on ", "hung task"),
    ("page allocation failure", "page allocation failure"),
    ("nobody cared", "irq: nobody cared"),
    ("IRQ handler type mismatch", "IRQ handler type mismatch"),
    ("list_add ", "list corruption"),
    ("list_del corruption", "list corruption"),
    ("kernel BUG at", "BUG"),
    ("ALSA ", "ALSA: BUG"),
    ("RTNL: assertion failed", "RTNL: assertion failed"),
    ("sysctl table check failed", "sysctl table check failed"),
    ("Internal error: Oops", "oops"),
    ("Oops: ", "oops"),
];

/// Faults of which the backtrace says nothing: it shows who needed memory next, or a timer.
const ENOUGH: [(&str, &str); 3] = [
    ("invoked oom-killer", "out of memory"),
    ("unregister_netdevice: waiting for", "unregister_netdevice: waiting"),
    ("Busy inodes after unmount", "busy inodes after unmount"),
];

static SANITIZER: Pattern = Pattern::new(|| {
    Regex::new(r"\b((?:KASAN|KFENCE|KCSAN|KMSAN|UBSAN): [a-z0-9][^:(]*?)(?: in .*|:.*| \(.*)?$").ok()
});
static PANIC: Pattern = Pattern::new(|| Regex::new(r"Kernel panic - not syncing: ?(.*)$").ok());
static WARNING: Pattern =
    Pattern::new(|| Regex::new(r"^(?:[a-z ]+: )?(?:WARNING|Badness)\b.*(?:\bat\b|\.[chS]:[0-9]+)").ok());
static SENTENCE: Pattern =
    Pattern::new(|| Regex::new(r"^(?:\[ )?(?:WARNING|INFO|BUG): *(.*?)(?: detected)?!?(?: \])?$").ok());
static DRIVER: Pattern =
    Pattern::new(|| Regex::new(r"\(([a-z0-9_]+)\): (?:NETDEV WATCHDOG|transmit queue)").ok());
static FUNCTION: Pattern = Pattern::new(|| {
    Regex::new(r"\b([A-Za-z_][A-Za-z0-9_.]*)\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?(?:\(\))?(?: \[([^\] ]+)[^\]]*\])?")
        .ok()
});
static MODULE: Pattern =
    Pattern::new(|| Regex::new(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?(?:\(\))? \[([^\] ]+)").ok());
static FILE: Pattern = Pattern::new(|| Regex::new(r"\b([A-Za-z0-9_./-]+\.[chS])[: ]\(?[0-9]+").ok());
static OFFSET: Pattern = Pattern::new(|| Regex::new(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?(?: \[[^\]]*\])?").ok());

static ACPI_SOURCE: Pattern = Pattern::new(|| Regex::new(r" \([0-9]{8}/[a-z0-9]+-[0-9]+\)$").ok());

/// Reads the first line of a kernel report.
pub(super) fn fault(line: &str) -> Fault {
    fault_of(&clean(line))
}

fn fault_of(line: &str) -> Fault {
    if let Some((_, text)) = ENOUGH.iter().find(|(words, _)| line.contains(words)) {
        return Fault { text: (*text).to_owned(), is_enough: true, ..Fault::default() };
    }
    if line.contains("NETDEV WATCHDOG") {
        let driver = group(line, &DRIVER, 1).map(|driver| format!(" ({driver})")).unwrap_or_default();
        return Fault { text: format!("NETDEV WATCHDOG{driver}"), is_enough: true, ..Fault::default() };
    }
    Fault {
        text: text(line),
        function: function(line),
        file: group(line, &FILE, 1).map(base),
        is_enough: false,
    }
}

fn text(line: &str) -> String {
    if let Some(error) = group(line, &SANITIZER, 1) {
        return error.trim().to_owned();
    }
    if let Some(reason) = group(line, &PANIC, 1) {
        return format!("panic: {}", plain(reason));
    }
    if WARNING.as_ref().is_some_and(|warning| warning.is_match(line)) {
        return "WARNING".to_owned();
    }
    if let Some((_, text)) = FAULTS.iter().find(|(words, _)| line.contains(words)) {
        return (*text).to_owned();
    }
    let text = plain(group(line, &SENTENCE, 1).unwrap_or(line));
    if text.is_empty() { "no reason".to_owned() } else { text }
}

/// A sentence without offsets in functions, and without the source that ACPI's sentences end with.
fn plain(text: &str) -> String {
    let text = replace(text, &OFFSET, "");
    let text = replace(&text, &ACPI_SOURCE, "");
    sentence(&text)
}

fn function(line: &str) -> Option<(String, String)> {
    let name = group(line, &FUNCTION, 1)?;
    let module = group(line, &MODULE, 1).unwrap_or("kernel");
    Some((name.to_owned(), kernel_module(module)))
}

/// Trees of sources are built in different places; the last two parts of a path are enough.
fn base(path: &str) -> String {
    let parts: Vec<_> = path.rsplit('/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
