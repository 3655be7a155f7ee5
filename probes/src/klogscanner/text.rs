//! Logs that a person has as text: `dmesg`, `journalctl -k`, /var/log/kern.log, a serial console.

use super::finding::KernelFinding;
use crate::hand_over::{Draft, Finding, Repeats};
use crate::kernel_log::{LINE_BYTES, Line, Oops, Privacy, Scanner};
use std::io::{self, BufRead, Read};

/// What would be sent of this log.
///
/// # Errors
/// As reading the log.
pub(super) fn drafts(log: impl BufRead, privacy: Privacy) -> io::Result<Vec<Draft>> {
    let mut repeats = Repeats::default();
    let mut told = Vec::new();
    each_oops(log, |oops| {
        let happened_ms = oops.stamp_us.unwrap_or(0) / 1000;
        told.extend(repeats.note(KernelFinding::of(oops, privacy, &[]), happened_ms, 0));
    })?;
    told.extend(repeats.flush());
    Ok(told.iter().map(|(finding, count)| finding.draft(*count)).collect())
}

fn each_oops(mut log: impl BufRead, mut take: impl FnMut(&Oops)) -> io::Result<()> {
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    let mut bytes = Vec::with_capacity(LINE_BYTES);
    for place in 0.. {
        bytes.clear();
        let most = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
        if log.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if bytes.len() == LINE_BYTES && !bytes.ends_with(b"\n") {
            log.skip_until(b'\n')?;
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(line) = Line::of_text(&text, place) {
            scanner.push(&line, &mut found);
            found.drain(..).for_each(|oops| take(&oops));
        }
    }
    scanner.finish(&mut found);
    found.iter().for_each(take);
    Ok(())
}
