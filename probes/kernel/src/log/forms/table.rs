//! The forms of a line, one row each; ties between them are decided by the order of the rows.
//!
//! ```text
//! line := quote? date-of-terminal? envelope stamp? caller? TEXT
//! ```

use super::entries::Entries;
use super::lines;
use crate::log::Caller;

/// What a form reads of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading<'a> {
    Kernel {
        text: &'a str,
        caller: Option<Caller>,
        stamp: Stamp,
    },
    /// One part of a line: `total` bytes of it are to come from `offset` on.
    Fragment {
        text: &'a str,
        caller: Option<Caller>,
        stamp: Stamp,
        sequence: u64,
        offset: usize,
        total: usize,
    },
    /// A program wrote it, or it says nothing.
    Program,
}

/// When a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    None,
    /// Microseconds since the start of the machine, or since any other moment.
    At(u64),
    /// Microseconds since the line before.
    Plus(u64),
}

/// How a form is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    /// Each line by itself.
    Line(fn(&str) -> Option<Reading<'_>>),
    /// Several lines are an entry.
    Entries(fn(&str) -> bool, fn() -> Entries),
}

/// A form in which people have a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Program and option.
    pub(super) name: &'static str,
    pub(super) grammar: &'static str,
    pub(super) how: How,
    /// A log of one line, `WARNING: at a.c:1 fn+0x1/0x2()`, in this form.
    pub(super) test: &'static str,
}

const fn line(
    name: &'static str,
    grammar: &'static str,
    read: fn(&str) -> Option<Reading<'_>>,
    test: &'static str,
) -> Form {
    Form { name, grammar, how: How::Line(read), test }
}

const fn entries(
    name: &'static str,
    grammar: &'static str,
    fits: fn(&str) -> bool,
    new: fn() -> Entries,
    test: &'static str,
) -> Form {
    Form { name, grammar, how: How::Entries(fits, new), test }
}

pub(super) static FORMS: [Form; 26] = [
    line(
        "/dev/kmsg, extended netconsole",
        "[RELEASE,]P,SEQ,US,FLAGS[,caller=T1][,ncfrag=O/L];TEXT; lines ` KEY=VALUE` belong to it",
        lines::kmsg,
        "4,1234,12345678,-,caller=T7;WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg -x",
        "FACILITY:LEVEL: [S.U] TEXT",
        lines::facility,
        "kern  :warn  : [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "syslog, RFC 5424",
        "<N>1 ISO HOST kernel - - - [S.U] TEXT",
        lines::rfc_5424,
        "<4>1 2025-11-01T12:00:00.123Z host kernel - - - [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "syslog, RFC 3164; journalctl -o short, short-precise",
        "[<N>]MMM D H:M:S[.U] HOST kernel: [[S.U]] TEXT, months of any language",
        lines::syslog,
        "Nov  1 12:00:00 host kernel: [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "syslog, ISO; journalctl -o short-iso, short-iso-precise",
        "ISO HOST kernel: [[S.U]] TEXT",
        lines::syslog_iso,
        "2025-11-01T12:00:00.123+00:00 host kernel: WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "journalctl -o short-full, with-unit",
        "WWW Y-M-D H:M:S ZONE HOST kernel[0]: TEXT",
        lines::full,
        "Sat 2025-11-01 12:00:00 UTC host kernel[0]: WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "journalctl -o short-unix",
        "S.U HOST kernel: TEXT",
        lines::unix,
        "1762000000.123456 host kernel: WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "logread of OpenWrt",
        "WWW MMM D H:M:S Y FACILITY.LEVEL kernel: [S.U] TEXT",
        lines::logread,
        "Sat Nov  1 12:00:00 2025 kern.warn kernel: [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "journalctl -o short-monotonic",
        "[S.U] HOST kernel: TEXT",
        lines::monotonic,
        "[   12.345678] host kernel: WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "journalctl -o short-delta",
        "[S.U <D>] HOST kernel: TEXT",
        lines::delta_of_journal,
        "[   12.345678 <    0.000010 >] host kernel: WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg, with and without callers; serial consoles; plain netconsole",
        "[S.U][[ T123]] TEXT; telephones: [S.U] [CPU: COMM: PID] TEXT, [S.U] (CPU)[PID:COMM]TEXT, [S.U] cCPU PID TEXT",
        lines::stamped,
        "[   12.345678] [   T123] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg -d",
        "[S.U <D>] TEXT",
        lines::delta,
        "[   12.345678 <    0.000010>] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg -T",
        "[WWW MMM D H:M:S Y] TEXT",
        lines::ctime,
        "[Sat Nov  1 12:00:00 2025] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg -H, -e",
        "[MMMDD H:M] TEXT, then [  +S.U] TEXT",
        lines::human,
        "[Nov 1 12:00] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg --time-format iso",
        "Y-M-DTH:M:S,U+ZONE TEXT",
        lines::iso,
        "2025-11-01T12:00:00,123456+00:00 WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "dmesg -r, pstore",
        "<N>[[S.U]][[ T9]] TEXT",
        lines::priority,
        "<4>[   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "printk.time=0 with callers",
        "[ T123] TEXT",
        lines::caller,
        "[  T123] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "logcat -b kernel",
        "MM-DD H:M:S.MMM 0 0 LEVEL [kernel]: [[S.U]] TEXT",
        lines::logcat,
        "11-01 12:00:00.123     0     0 W         : WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "terminals that write the date",
        "DATE [S.U] TEXT, [DATE] TEXT, DATE ADDRESS TEXT",
        lines::dated,
        "[2025-11-01 12:00:00.123] [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "serial captures with a prompt",
        "PROMPT[S.U] TEXT, at most 64 bytes without `]: `",
        lines::prompt,
        "host login: [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line(
        "pastes, quoted or indented",
        "`> ` or up to 16 blanks before any of these",
        lines::quoted,
        "> [   12.345678] WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    entries(
        "dmesg -J",
        "JSON: pri, time, lines::caller, msg",
        Entries::fits_dmesg,
        Entries::json,
        "{\n   \"dmesg\": [\n      {\n         \"pri\": 4,\n         \"time\":    12.345678,\n         \"msg\": \"WARNING: at a.c:1 fn+0x1/0x2()\"\n      }\n   ]\n}",
    ),
    entries(
        "journalctl -o json, json-pretty, json-sse, json-seq",
        "JSON: _TRANSPORT, MESSAGE as text or as bytes",
        Entries::fits_json,
        Entries::json,
        "{\"_TRANSPORT\":\"kernel\",\"__MONOTONIC_TIMESTAMP\":\"12345678\",\"MESSAGE\":\"WARNING: at a.c:1 fn+0x1/0x2()\"}",
    ),
    entries(
        "journalctl -o export",
        "KEY=VALUE, or KEY, length and bytes; an empty line ends an entry",
        Entries::fits_export,
        Entries::export,
        "__CURSOR=s=1\n_TRANSPORT=kernel\n__MONOTONIC_TIMESTAMP=12345678\nMESSAGE=WARNING: at a.c:1 fn+0x1/0x2()\n",
    ),
    entries(
        "journalctl -o verbose",
        "DATE [CURSOR], then four blanks and KEY=VALUE",
        Entries::fits_verbose,
        Entries::verbose,
        "Sat 2025-11-01 12:00:00.123456 UTC [s=1;i=1]\n    _TRANSPORT=kernel\n    MESSAGE=WARNING: at a.c:1 fn+0x1/0x2()",
    ),
    line("dmesg -t, journalctl -o cat", "TEXT", lines::bare, "WARNING: at a.c:1 fn+0x1/0x2()"),
];

/// The last row, which reads anything.
pub(super) fn bare() -> &'static Form {
    let [.., last] = &FORMS;
    last
}

/// That of dmesg, which nearly all logs have.
pub(super) fn stamped() -> &'static Form {
    FORMS.iter().find(|form| form.name.starts_with("dmesg, ")).unwrap_or(bare())
}
