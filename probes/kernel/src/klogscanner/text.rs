//! Logs that a person has as text: `dmesg`, `journalctl -k`, /var/log/kern.log, a serial console.

use crate::log::{KernelFinding, LINE_BYTES, Line, Oops, Privacy, Scanner};
use std::borrow::Cow;
use std::io::{self, BufRead};
use telemetry_outbox::{Finding, Repeats, UnsentRecord};

/// What would be sent of this log.
///
/// # Errors
/// As reading the log.
pub(super) fn records(log: impl BufRead, privacy: Privacy) -> io::Result<Vec<UnsentRecord>> {
    let mut repeats = Repeats::default();
    let mut due = Vec::new();
    each_oops(log, |oops| {
        let happened_ms = oops.stamp_us.unwrap_or(0) / 1000;
        if !repeats.counts(&oops.key(), happened_ms) {
            due.extend(repeats.note(KernelFinding::new(oops, privacy, &[]), happened_ms, 0));
        }
    })?;
    due.extend(repeats.flush());
    Ok(due.iter().map(|(finding, count)| finding.record(*count)).collect())
}

fn each_oops(mut log: impl BufRead, mut take: impl FnMut(&Oops)) -> io::Result<()> {
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    let mut sequence = 0;
    let mut push = |bytes: &[u8]| {
        // Nearly all of it is ASCII, which is checked faster than it is mended.
        let text = str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
        if let Some(line) = Line::of_text(&text, sequence) {
            scanner.push(&line, &mut found);
            found.drain(..).for_each(|oops| take(&oops));
        }
        sequence += 1;
    };
    // The beginning of a line whose end is not in the buffer yet.
    let mut begun = Vec::with_capacity(LINE_BYTES);
    loop {
        let buffer = log.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let read_bytes = buffer.len();
        let mut rest = buffer;
        while let Some((line, next)) =
            memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at + 1))
        {
            if begun.is_empty() {
                push(line);
            } else {
                extend(&mut begun, line);
                push(&begun);
                begun.clear();
            }
            rest = next;
        }
        extend(&mut begun, rest);
        log.consume(read_bytes);
    }
    if !begun.is_empty() {
        push(&begun);
    }
    scanner.finish(&mut found);
    found.iter().for_each(take);
    Ok(())
}

/// No line is kept longer than it is read.
fn extend(begun: &mut Vec<u8>, more: &[u8]) {
    let room = LINE_BYTES.saturating_sub(begun.len());
    begun.extend(more.iter().take(room));
}
