//! The three tables, as `docs/kernel-logs.md` has them.

use super::forms;
use super::headers::{HEADERS, Header, Prefix, Trace};
use super::styles::STYLES;
use std::fmt::Write;

/// What the note prints: every row of the three tables, in Markdown.
pub fn tables() -> String {
    let mut text = format!(
        "## Headers ({} rows)\n\n| first line | class | trace that is reported | printer | since | example |\n|---|---|---|---|---|---|\n",
        HEADERS.len()
    );
    for header in HEADERS {
        let class = header.class.class().trim_start_matches("org.clearlinux/");
        let (first, trace) = (first_line(header), trace(header.trace));
        let _ = writeln!(
            text,
            "| `{first}` | {class} | {trace} | {} | {} | `{}` |",
            header.source, header.versions, header.test
        );
    }
    let _ = writeln!(
        text,
        "\n## Trace styles ({} rows)\n\n| of | title | frame | instruction pointer | filler | printer |\n|---|---|---|---|---|---|",
        STYLES.len()
    );
    for style in STYLES {
        let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{}`", text.trim()) };
        let (title, frame, pointer, filler) =
            (code(style.title), code(style.frame), code(style.pointer), code(style.filler));
        let _ =
            writeln!(text, "| {} | {title} | {frame} | {pointer} | {filler} | {} |", style.of, style.source);
    }
    text + &forms::table()
}

fn first_line(header: &Header) -> String {
    let before = match header.prefix {
        Prefix::None => "",
        Prefix::Word => "[WORD: ]",
        Prefix::Device => "DEVICE: ",
        Prefix::Comm => "NAME",
        Prefix::Box => "WARNING: ",
    };
    let number = if header
        .check
        .is_some_and(|check| std::ptr::fn_addr_eq(check, super::headers::is_die as fn(&str) -> bool))
    {
        " [#N]"
    } else {
        ""
    };
    format!("{before}{}{number}", header.text).replace('|', "\\|")
}

fn trace(trace: Trace) -> &'static str {
    match trace {
        Trace::None => "none",
        Trace::Own => "its own",
        Trace::Access => "of the access",
        Trace::AccessFirst => "of the access; processor and process come last",
        Trace::Leak => "after `backtrace:`",
        Trace::Lockdep => "after `stack backtrace:`",
        Trace::Stall => "of the stalled processor, else of the blocked task, else of the kthread",
        Trace::Task => "of the task",
        Trace::Processor => "of the processor that it names",
        Trace::Errors => "none; lines with `[Hardware Error]:`",
    }
}
