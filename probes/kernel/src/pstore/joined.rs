//! Texts that systemd-pstore joined: the parts of a dump one after the other, each with its header. Before systemd 253 the
//! parts of several dumps of one moment are mixed, in the order of their numbers:
//!
//! ```text
//! Panic#2 Part2 | Oops#1 Part2 | Panic#2 Part1 | Oops#1 Part1
//! ```

use super::header::Header;

/// A part: its header, where it has one, and its lines.
#[derive(Debug)]
struct Part<'a> {
    header: Option<Header>,
    lines: Vec<&'a str>,
}

fn parts<'a>(texts: &[&'a str]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        match (Header::parse(line), parts.last_mut()) {
            (Some(header), _) => parts.push(Part { header: Some(header), lines: Vec::new() }),
            (None, Some(part)) => part.lines.push(line),
            (None, None) => parts.push(Part { header: None, lines: vec![line] }),
        }
    }
    parts
}

/// Puts the parts of each dump together, the highest first, in the order in which the dumps begin.
fn sorted(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let key = |header: &Header| (header.reason.clone(), header.count);
    let mut dumps = Vec::new();
    for key in parts.iter().filter_map(|part| part.header.as_ref().map(key)) {
        if !dumps.contains(&key) {
            dumps.push(key);
        }
    }
    let order = |part: &Part<'_>| match &part.header {
        Some(header) => {
            let dump = dumps.iter().position(|dump| *dump == key(header)).map_or(0, |at| at + 1);
            (dump, std::cmp::Reverse(header.part))
        }
        None => (0, std::cmp::Reverse(0)),
    };
    let mut parts = parts;
    // Several dumps of one name stay as they are: part 1 of one is not part 1 of the other.
    let mut known: Vec<_> = parts.iter().map(order).collect();
    known.sort_unstable();
    if known.windows(2).all(|pair| matches!(pair, [one, other] if one != other)) {
        parts.sort_by_key(order);
    }
    parts
}

/// Lines that follow each other without a gap.
pub(super) fn runs<'a>(texts: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut runs: Vec<Vec<&'a str>> = Vec::new();
    let mut before: Option<Header> = None;
    for part in sorted(parts(texts)) {
        let follows = match (&before, &part.header) {
            (Some(before), Some(header)) => header.follows(before),
            _ => false,
        };
        match runs.last_mut() {
            Some(run) if follows => run.extend(part.lines),
            _ => runs.push(part.lines),
        }
        before = part.header;
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Parts that are missing between others: the first, and how many the dump has.
pub(super) fn missing(text: &str) -> Option<(u32, u32)> {
    let headers: Vec<_> = sorted(parts(&[text])).into_iter().filter_map(|part| part.header).collect();
    let last_of = |header: &Header| {
        let same =
            headers.iter().filter(|other| (&other.reason, other.count) == (&header.reason, header.count));
        same.map(|other| other.part).max().unwrap_or(1)
    };
    let ends_early = |at: usize, header: &Header| {
        let next =
            headers.get(at + 1).filter(|next| (&next.reason, next.count) == (&header.reason, header.count));
        header.part > 1 && next.is_none_or(|next| next.part + 1 < header.part)
    };
    let gap = headers.iter().enumerate().find(|(at, header)| ends_early(*at, header));
    gap.map(|(_, header)| (header.part - 1, last_of(header)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_dumps_are_taken_apart() {
        let text = "Panic#2 Part2\na\nOops#1 Part2\nb\nPanic#2 Part1\nc\nOops#1 Part1\nd\n";
        assert_eq!(runs(&[text]), [["a", "c"], ["b", "d"]]);
        assert_eq!(missing(text), None);
        let text = "Panic#2 Part3\na\nPanic#2 Part1\nc\n";
        assert_eq!(runs(&[text]), [["a"], ["c"]]);
        assert_eq!(missing(text), Some((2, 3)));
        // Two starts of the machine.
        let text = "Panic#1 Part1\na\nPanic#1 Part1\nb\n";
        assert_eq!(runs(&[text]), [["a"], ["b"]]);
        assert_eq!(runs(&["a\nb", "c"]), [["a", "b", "c"]]);
        assert_eq!(missing("a"), None);
    }
}
