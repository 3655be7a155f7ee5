//! Logs that a person has as text: `dmesg`, `journalctl -k`, /var/log/kern.log, a serial console.

use crate::log::{KernelFinding, LINE_BYTES, Line, Log, LogError, Oops, Privacy, Reader, Scanner};
use std::io::{self, BufRead};
use telemetry_outbox::{Finding, Repeats, UnsentRecord};

/// Gives each record that would be sent of this log to `take`, and returns what is wrong with the log.
///
/// # Errors
/// As reading the log, and as `take`.
pub(super) fn records(
    log: impl BufRead,
    privacy: Privacy,
    mut take: impl FnMut(&UnsentRecord) -> io::Result<()>,
) -> io::Result<Option<LogError>> {
    let mut repeats = Repeats::default();
    let mut taken = Ok(());
    let fault = each_oops(log, |oops| {
        let happened_ms = oops.stamp_us.unwrap_or(0) / 1000;
        let key = oops.key();
        if taken.is_err() || repeats.counts(&key, happened_ms) {
            return;
        }
        let finding = KernelFinding::with_key(oops, key, privacy, &[]);
        if let Some((finding, count)) = repeats.note(finding, happened_ms, 0) {
            taken = take(&finding.record(count));
        }
    })?;
    taken?;
    repeats.flush().iter().try_for_each(|(finding, count)| take(&finding.record(*count)))?;
    Ok(fault)
}

/// Lines on their way to failures.
struct Failures<F> {
    scanner: Scanner,
    found: Vec<Oops>,
    take: F,
}

impl<F: FnMut(&Oops)> Log for Failures<F> {
    fn line(&mut self, line: &Line<'_>) {
        self.scanner.push(line, &mut self.found);
        self.found.drain(..).for_each(|oops| (self.take)(&oops));
    }

    fn skips(&self, text: &str) -> bool {
        self.scanner.skips(text)
    }
}

fn each_oops(mut log: impl BufRead, take: impl FnMut(&Oops)) -> io::Result<Option<LogError>> {
    let mut reader = Reader::default();
    let mut push = Failures { scanner: Scanner::default(), found: Vec::new(), take };
    // The beginning of a line whose end is not in the buffer yet, and how long it is.
    let (mut begun, mut begun_bytes) = (Vec::with_capacity(LINE_BYTES), 0);
    loop {
        let buffer = log.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let read_bytes = buffer.len();
        let mut rest = buffer;
        if !begun.is_empty()
            && let Some((line, next)) =
                memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at + 1))
        {
            extend(&mut begun, line);
            reader.push(&begun, begun_bytes + line.len(), &mut push);
            begun.clear();
            begun_bytes = 0;
            rest = next;
        }
        if begun.is_empty()
            && let Some((lines, next)) =
                memchr::memrchr(b'\n', rest).and_then(|at| rest.split_at_checked(at + 1))
        {
            push_lines(&mut reader, lines, &mut push);
            rest = next;
        }
        extend(&mut begun, rest);
        begun_bytes += rest.len();
        log.consume(read_bytes);
    }
    if !begun.is_empty() {
        reader.push(&begun, begun_bytes, &mut push);
    }
    let fault = reader.finish(&mut push).err();
    push.scanner.finish(&mut push.found);
    push.found.iter().for_each(push.take);
    Ok(fault)
}

/// Nearly all of a log is ASCII, which is checked faster than it is mended.
fn push_lines(reader: &mut Reader, lines: &[u8], push: &mut impl Log) {
    match str::from_utf8(lines) {
        Ok(text) => reader.push_lines(text, push),
        Err(_) => lines
            .split_inclusive(|byte| *byte == b'\n')
            .for_each(|line| reader.push(line.get(..LINE_BYTES).unwrap_or(line), line.len(), push)),
    }
}

/// No line is kept longer than it is read.
fn extend(begun: &mut Vec<u8>, more: &[u8]) {
    let room = LINE_BYTES.saturating_sub(begun.len());
    begun.extend(more.iter().take(room));
}
