//! Backtraces as functions by thread: ours, gdb's and eu-stack's, brought to one form.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Functions by thread, innermost first.
pub type Threads = BTreeMap<i32, Vec<String>>;

/// Frames that are compared: we report at most this many, and so does eu-stack.
const FRAMES: usize = 64;

/// Functions that gdb shows although they have no frame: it knows from DWARF (DW_TAG_call_site) that they ended with a
/// jump to the next one. What is on the stack does not show them. Which ones end so differs between builds of glibc.
const TAIL_CALLS: &[&str] =
    &["pthread_kill_internal", "futex_abstimed_wait_cancelable64", "pthread_join", "qsort", "assert_fail"];

/// The functions but for those that may be shown without having a frame.
pub fn with_frames(functions: &[String]) -> impl Iterator<Item = &String> {
    functions.iter().filter(|function| !TAIL_CALLS.contains(&function.as_str()))
}

/// Names that tools give to the same thing.
const ALIASES: &[(&str, &str)] = &[
    // Two symbols of the vdso at one address.
    ("vdso_clock_gettime", "clock_gettime"),
    // The name in DWARF and the symbol of the function behind `#[panic_handler]`.
    ("panic_handler", "rust_begin_unwind"),
    // The array of jump.c: gdb and eu-stack name data, too, that was jumped to. It is no function.
    ("data", "??"),
];

/// The backtraces of a payload. Threads that are reported as alike others count as those.
pub fn of_payload(payload: &str) -> Threads {
    let mut threads = Threads::new();
    let mut current = None;
    for line in payload.lines() {
        if let Some(tid) = line.strip_prefix("Backtrace (TID ").and_then(|rest| rest.strip_suffix("):")) {
            current = tid.parse().ok();
            threads.insert(current.unwrap(), Vec::new());
        } else if line.starts_with('#') {
            let function = line.split_once(' ').unwrap().1.split(" - [").next().unwrap();
            threads.get_mut(&current.unwrap()).unwrap().push(plain(function));
        } else if let Some(others) = line.strip_prefix("Also in this place: TID") {
            let same = threads[&current.unwrap()].clone();
            let numbers = others.split(|c: char| !c.is_ascii_digit()).filter_map(|tid| tid.parse().ok());
            let has_more = others.contains("more");
            let numbers: Vec<i32> = numbers.collect();
            // The last number counts those without a number.
            for tid in &numbers[..numbers.len() - usize::from(has_more)] {
                threads.insert(*tid, same.clone());
            }
        }
    }
    threads
}

/// The functions of the crashing thread of a payload, which comes first, whatever its id.
pub fn crashed(payload: &str) -> Vec<String> {
    // A line with the thread's name may come before.
    let block = payload.split("\n\n").find(|block| block.contains("Backtrace (TID "));
    of_payload(block.unwrap_or_default()).into_values().next().unwrap_or_default()
}

/// What gdb says of a core.
///
/// # Panics
/// gdb cannot be run.
pub fn gdb(program: &Path, core: &Path) -> Threads {
    let output = Command::new("gdb")
        .args(["-batch", "-nx"])
        .args(
            [
                "set debuginfod enabled off",
                "set width 0",
                "set print frame-arguments none",
                "set backtrace past-main on",
            ]
            .iter()
            .flat_map(|setting| ["-iex", setting]),
        )
        .args(["-ex", &format!("thread apply all bt {FRAMES}")])
        .args([program, core])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut threads = Threads::new();
    let mut current = 0;
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("LWP ").filter(|_| line.starts_with("Thread ")) {
            current = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
            threads.insert(current, Vec::new());
        } else if line.starts_with('#') {
            let frame = line.split_once(' ').unwrap().1.trim_start();
            let function = match frame.split_once(" in ") {
                Some((address, rest)) if address.starts_with("0x") => rest,
                _ => frame,
            };
            let function = plain(without_arguments(function));
            if let Some(functions) = threads.get_mut(&current) {
                functions.push(function);
            }
        }
    }
    assert!(!threads.is_empty(), "gdb: {}{}", text, String::from_utf8_lossy(&output.stderr));
    threads
}

/// What stands before the arguments of a frame, ` (...)`; template arguments can have such, too.
fn without_arguments(frame: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in frame.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            '(' if depth == 0 && frame[..at].ends_with(' ') => return frame[..at].trim_end(),
            _ => {}
        }
    }
    frame
}

/// What eu-stack says of a core.
///
/// # Panics
/// eu-stack cannot be run.
pub fn eu_stack(program: &Path, core: &Path) -> Threads {
    let output = Command::new("eu-stack")
        .arg("-i")
        .arg(format!("-n{FRAMES}"))
        .arg(format!("--core={}", core.display()))
        .arg("-e")
        .arg(program)
        .env_remove("DEBUGINFOD_URLS")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut threads = Threads::new();
    let mut current = 0;
    for line in text.lines() {
        if let Some(tid) = line.strip_prefix("TID ") {
            current = tid.trim_end_matches(':').parse().unwrap();
            threads.insert(current, Vec::new());
        } else if line.starts_with('#') {
            // `#1  0x00007f... name`, or without a name.
            let address = line.split_once("0x").map_or("", |(_, address)| address);
            let function = address.split_once(' ').map_or("??", |(_, function)| function.trim());
            let function = function.strip_prefix("- 1").map_or(function, str::trim);
            threads.get_mut(&current).unwrap().push(plain(function));
        }
    }
    assert!(!threads.is_empty(), "eu-stack: {}{}", text, String::from_utf8_lossy(&output.stderr));
    threads
}

/// A function's name without what tools write differently: parameters, template arguments, the path of names that
/// it lies in, clones and versions; and without the underscores and marks of glibc's aliases.
pub fn plain(function: &str) -> String {
    if function.contains("signal handler called") {
        return "restore_rt".to_owned();
    }
    // Names of Go have points and parentheses within.
    if ["main.", "runtime."].iter().any(|package| function.starts_with(package)) {
        return function.strip_suffix("()").unwrap_or(function).to_owned();
    }
    let mut depth = 0_usize;
    let mut name = String::new();
    for c in function.replace("operator()", "operator_call").replace("->", "").chars() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            '(' if depth == 0 && !name.is_empty() => break,
            '@' | '.' if depth == 0 && !name.is_empty() => break,
            _ if depth == 0 => name.push(c),
            _ => {}
        }
    }
    let last = name.rsplit("::").find(|part| !part.is_empty()).unwrap_or("??");
    if last.contains("closure") {
        return "closure".to_owned();
    }
    // `{{vtable.shim}}` is cut at its point.
    let last = last.split('{').next().unwrap_or(last);
    let last = last.strip_prefix("__GI_").unwrap_or(last).trim_start_matches('_');
    // The function behind `__libc_start_main` and others.
    let last = last.strip_suffix("_impl").unwrap_or(last);
    let last = match last.trim() {
        "" | "??" | "???" => "??",
        last => last,
    };
    ALIASES.iter().find(|(name, _)| *name == last).map_or(last, |(_, alias)| alias).to_owned()
}
