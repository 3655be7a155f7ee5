//! Names of processes, which a user may choose. They stay in the first lines of hung tasks and lockups, and of kernel
//! threads.

use crate::log::phrases::Phrases;
use std::sync::LazyLock;

const PROCESS: &str = "(process)";

/// What the names of kernel threads begin with.
const KERNEL_THREADS: [&str; 13] = [
    "kworker",
    "ksoftirqd/",
    "migration/",
    "rcu",
    "swapper",
    "khungtaskd",
    "kthreadd",
    "kswapd",
    "cpuhp/",
    "watchdog/",
    "kcompactd",
    "idle",
    "irq/",
];

/// Where a name stands: what is before it, and what after. A number or a code follows a `/` or `:` in it.
struct Place {
    before: &'static str,
    end: End,
}

/// How a name ends.
#[derive(Clone, Copy)]
enum End {
    /// At the last `/` before a number: `NAME/12`.
    Slash,
    /// At the last `:` before a number: `NAME:12`.
    Colon,
    /// At this text.
    Text(&'static str),
}

const fn place(before: &'static str, end: End) -> Place {
    Place { before, end }
}

const PLACES: [Place; 20] = [
    place(", CPU#", End::Colon),
    place("on CPU#", End::Slash),
    place("while atomic: ", End::Slash),
    place("code: ", End::Slash),
    place("by task ", End::Slash),
    place("leaked lock or atomic: ", End::Slash),
    place("leaked atomic, lock or RCU: ", End::Slash),
    place("WARNING: ", End::Text(" still has")),
    place("BUG: ", End::Text(" still has")),
    place("WARNING: ", End::Text(" is leaving")),
    place("in process ", End::Text("  pfn:")),
    place("in process ", End::Text("  pte:")),
    place("in process ", End::Text("  pmd:")),
    place("in process ", End::Text(" pfn:")),
    place("Comm:", End::Text(" Pid:")),
    place(", name: ", End::Text(",")),
    place("stack regs at ", End::Text(" has bad")),
    place("frame pointer at ", End::Text(" has bad")),
    place("unwind stack type ", End::Text(" in ")),
    place("task=", End::Text(",")),
];

/// What stands behind a name that begins the line.
const NEEDLES: [&str; 2] = [": page allocation failure", " invoked oom-killer: "];

/// All that says where a name is: the needles first.
static AROUND: LazyLock<Phrases> =
    LazyLock::new(|| Phrases::new(NEEDLES.into_iter().chain(PLACES.iter().map(|place| place.before))));

/// The text without the names of processes; none if it has none.
pub(super) fn without_processes(text: &str) -> Option<String> {
    let found = AROUND.found(text);
    if found == 0 {
        return None;
    }
    if found & 0b11 != 0
        && let Some(shown) = before_needle(text)
    {
        return Some(shown);
    }
    // The head of many sentences, behind which nearly none has a name.
    let mut shown: Option<String> = None;
    for (_, place) in PLACES.iter().enumerate().filter(|(at, _)| found >> (NEEDLES.len() + at) & 1 == 1) {
        let so_far = shown.as_deref().unwrap_or(text);
        let start = so_far.find(place.before).map(|at| at + place.before.len());
        if let Some((from, to)) = start.and_then(|start| name_in(so_far, start, place))
            && !so_far.get(from..to).is_none_or(is_kernel_thread)
        {
            shown.get_or_insert_with(|| text.to_owned()).replace_range(from..to, PROCESS);
        }
    }
    shown
}

/// `NAME: page allocation failure`, `NAME invoked oom-killer`.
fn before_needle(text: &str) -> Option<String> {
    let at = NEEDLES.iter().find_map(|needle| text.find(needle)).filter(|at| *at <= 16)?;
    let name = text.get(..at)?;
    let rest = text.get(at..)?;
    // The names of cgroups.
    let rest = match rest.split_once("cpuset=") {
        Some((before, after)) => {
            let end = after.find(",mems_allowed").unwrap_or(after.len());
            format!("{before}cpuset=(name){}", after.get(end..).unwrap_or_default())
        }
        None => rest.to_owned(),
    };
    Some(format!("{}{rest}", if is_kernel_thread(name) { name } else { PROCESS }))
}

/// Where a name is: from, and to.
fn name_in(text: &str, start: usize, place: &Place) -> Option<(usize, usize)> {
    let rest = text.get(start..)?;
    let numbered = |mark: char| {
        rest.char_indices().filter(|(_, c)| *c == mark).map(|(at, _)| at).rfind(|at| {
            let number = rest.get(at + 1..).unwrap_or_default();
            let number = number.strip_prefix('-').unwrap_or(number);
            number.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    match (place.before, place.end) {
        // `CPU#2: modprobe/301`, `CPU#0, swapper/1`: behind the number.
        (", CPU#" | "on CPU#", _) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let after = rest.get(digits..)?.strip_prefix([':', ','])?.strip_prefix(' ')?;
            let from = start + digits + 2;
            let end = after.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at).rfind(|at| {
                after.get(at + 1..).is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
            })?;
            Some((from, from + end))
        }
        // `regs at ADDRESS in NAME:12 has bad 'bp' value`
        (_, End::Text(" has bad")) => {
            let end = rest.find(" has bad")?;
            let inner = rest.get(..end)?;
            let name = inner.find(" in ")? + " in ".len();
            Some((start + name, start + inner.rfind(':')?)).filter(|(from, to)| from < to)
        }
        ("unwind stack type ", _) => {
            let name = rest.find(" in ")? + " in ".len();
            let end = rest.rfind(':').unwrap_or(rest.len());
            Some((start + name, start + end)).filter(|(from, to)| from < to)
        }
        ("while atomic: " | "leaked lock or atomic: " | "leaked atomic, lock or RCU: ", _) => {
            // `NAME/12/0x00000002`, `NAME/0x00000001/12`
            let (name, _) = rest.rsplit_once('/')?;
            let (name, _) = name.rsplit_once('/').unwrap_or((name, ""));
            Some((start, start + name.len()))
        }
        (_, End::Slash) => Some((start, start + numbered('/')?)),
        (_, End::Colon) => Some((start, start + numbered(':')?)),
        (before, End::Text(end)) if before.ends_with(": ") && end.starts_with(' ') => {
            // `WARNING: NAME/12 still has locks held!`
            let end = memchr::memmem::find(rest.as_bytes(), end.as_bytes())?;
            Some((start, start + rest.get(..end)?.rfind('/')?))
        }
        (_, End::Text(end)) => Some((start, start + rest.find(end)?)),
    }
}

fn is_kernel_thread(name: &str) -> bool {
    KERNEL_THREADS.iter().any(|thread| name.starts_with(thread))
}
