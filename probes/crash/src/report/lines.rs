//! The lines of the payload, each whole and ended. What fits is `layout`'s to decide.

use super::alike::Alike;
use super::{CrashReport, FrameReport, ThreadReport, UsedModule, foreign, function_name};
use crate::limits::FRAMES;
use crate::trace::{BacktraceEnd, How};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest path of a process, in bytes. The kernel's own limit would fill half of the report.
const PROCESS_BYTES: usize = 512;

/// Longest sentence of the head, in bytes: an error may name a path.
const SENTENCE_BYTES: usize = 320;

/// Longest remark, in bytes, and how many there may be: time limit, reports left out, memory limit and the like.
const REMARK_BYTES: usize = 160;
const REMARKS: usize = 6;

/// Longest name of a thread; the kernel keeps 15 bytes.
const THREAD_BYTES: usize = 16;

/// Thread ids named in one line; the others are counted.
const TIDS: usize = 16;

/// Longest name of a module or file, in bytes. File systems allow 255.
const FILE_BYTES: usize = 64;

/// The lines before the first backtrace.
pub(super) fn head(report: &CrashReport) -> String {
    let process = foreign::line(&report.process, PROCESS_BYTES);
    let process = if process.is_empty() { "unknown".to_owned() } else { process };
    // Writing to a String cannot fail.
    let mut text = format!("Process: {process}\n");
    if let Some(pid) = report.pid {
        let _ = writeln!(text, "PID: {pid}");
    }
    if let Some(signal) = report.signal {
        let _ = writeln!(text, "Signal: {signal}");
    }
    for (name, sentence) in [("Cause", &report.cause), ("Error", &report.error)] {
        if let Some(sentence) = sentence {
            let _ = writeln!(text, "{name}: {}", foreign::line(sentence, SENTENCE_BYTES));
        }
    }
    for remark in report.remarks.iter().take(REMARKS) {
        let _ = writeln!(text, "Note: {}", foreign::line(remark, REMARK_BYTES));
    }
    if report.threads.iter().any(is_truncated) {
        text.push_str("Too many frames. Backtrace truncated.\n");
    }
    text
}

/// The backtrace of a thread, names in at most `width` bytes each, after an empty line.
pub(super) fn backtrace(group: &Alike<'_>, width: usize) -> String {
    let name = group
        .thread
        .name
        .as_deref()
        .map(|name| foreign::line(name, THREAD_BYTES))
        .filter(|name| !name.is_empty());
    let name = name.map(|name| format!("Thread: {name}\n")).unwrap_or_default();
    let mut text = format!("\n{name}Backtrace (TID {}):\n", group.thread.tid);
    for (number, frame) in group.thread.frames.iter().take(FRAMES).enumerate() {
        push_frame(&mut text, number, frame, width);
    }
    if !is_truncated(group.thread) {
        text.push_str(ending(group.thread.end));
    }
    push_others(&mut text, &group.others);
    text
}

fn is_truncated(thread: &ThreadReport) -> bool {
    thread.end == Some(BacktraceEnd::TooManyFrames) || thread.frames.len() > FRAMES
}

fn push_frame(text: &mut String, number: usize, frame: &FrameReport, width: usize) {
    let function = frame.function.as_deref().and_then(function_name::shown);
    let shown = function.as_deref().map(|name| function_name::shorten(name, width));
    let module = module_name(frame.module.as_deref().unwrap_or_default());
    let file_width = width.min(FILE_BYTES);
    let _ = write!(
        text,
        "#{number} {} - [{}]",
        shown.as_deref().unwrap_or("???"),
        foreign::cut_middle(&module, file_width)
    );
    if let Some((file, line)) = &frame.location {
        let file = foreign::cut_middle(&foreign::without_brackets(file), file_width);
        let _ = write!(text, " - {file}:{line}");
    } else if let (None, Some(svma)) = (&function, frame.svma) {
        let _ = write!(text, " +{svma:#x}");
    }
    text.push_str(if frame.inlined { " (inlined)" } else { found_by(frame.how) });
    text.push('\n');
}

/// The name of a module within brackets: `vdso` without the kernel's own.
fn module_name(module: &str) -> String {
    let module = foreign::clean(module);
    let bare = module.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&module);
    let bare = foreign::without_brackets(bare);
    if bare.is_empty() { "unknown".to_owned() } else { bare }
}

fn found_by(how: How) -> &'static str {
    match how {
        How::Context | How::Cfi => "",
        How::SignalFrame => " (by signal frame)",
        How::FramePointer => " (by frame pointer)",
        How::ReturnAddress => " (by return address)",
    }
}

fn ending(end: Option<BacktraceEnd>) -> &'static str {
    match end {
        Some(BacktraceEnd::Outermost | BacktraceEnd::TooManyFrames) => "",
        Some(BacktraceEnd::Unreadable) => "The backtrace ends here: the stack cannot be read further.\n",
        Some(BacktraceEnd::NoProgress) => {
            "The backtrace ends here: the next frame is not further up the stack, as where it was overwritten.\n"
        }
        Some(BacktraceEnd::OtherStack) => {
            "The backtrace ends here: the next frame is not further up the stack: it lies on another stack, or an overwritten one.\n"
        }
        Some(BacktraceEnd::NotCode) => {
            "The backtrace ends here: the return address is not in code, as where the stack was overwritten.\n"
        }
        Some(BacktraceEnd::NoWayOn) => {
            "The backtrace ends here: neither call frame information nor a frame pointer leads further.\n"
        }
        None => "The backtrace ends here: the time for it was over.\n",
    }
}

fn push_others(text: &mut String, others: &[i32]) {
    let named: Vec<_> = others.iter().take(TIDS).map(ToString::to_string).collect();
    let plural = if others.len() == 1 { "" } else { "s" };
    let more = match others.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    if !named.is_empty() {
        let _ = writeln!(text, "Also in this place: TID{plural} {}{more}.", named.join(", "));
    }
}

/// The line of a module: its name without blanks, which end it; its build-id or `-`; at most this many addresses, each
/// once, and `...` for the others.
pub(super) fn module(module: &UsedModule, addresses: usize) -> String {
    let name = module_name(&module.name).replace(char::is_whitespace, "_");
    let hex =
        |text: &&str| !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let build_id = module.build_id.as_deref().filter(hex).unwrap_or("-");
    let mut text = format!("{} {build_id}", foreign::cut_middle(&name, FILE_BYTES));
    let mut shown = BTreeSet::new();
    for svma in &module.unnamed {
        if !shown.insert(*svma) {
            continue;
        }
        if shown.len() > addresses {
            text.push_str(" ...");
            break;
        }
        let _ = write!(text, " +{svma:#x}");
    }
    text.push('\n');
    text
}

/// What was left out, if anything was.
pub(super) fn left_out(number: usize, noun: &str) -> String {
    match number {
        0 => String::new(),
        1 => format!("Left out: 1 {noun}.\n"),
        _ => format!("Left out: {number} {noun}s.\n"),
    }
}
