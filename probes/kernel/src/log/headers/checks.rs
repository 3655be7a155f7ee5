//! What a row of the table asks of a line besides its words.

/// Whether the line has the number of a die line: `[#1]`.
pub(in crate::log) fn is_die(line: &str) -> bool {
    // Every line of a failure is asked.
    let Some(mark) = memchr::memchr(b'#', line.as_bytes()).and_then(|at| at.checked_sub(1)) else {
        return false;
    };
    let Some((_, rest)) = line.get(mark..).and_then(|rest| rest.split_once("[#")) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (1..=9).contains(&digits) && rest.as_bytes().get(digits) == Some(&b']')
}

/// `WARNING: at FILE:LINE`, `WARNING: CPU: N PID: M at FILE:LINE`, `WARNING: [CONDITION] FILE:LINE at fn`.
pub(super) fn is_place(line: &str) -> bool {
    let Some(text) = line.strip_prefix("WARNING: ") else { return false };
    if let Some(place) = text.strip_prefix("at ") {
        return first_word(place).is_some_and(is_source_line);
    }
    if text.starts_with("CPU: ") {
        let place = text.split_once(" at ").map(|(_, place)| place);
        return place.and_then(first_word).is_some_and(is_source_line);
    }
    // The condition may have anything in it; the place is the last word before ` at fn`.
    text.match_indices(" at ").any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.split(' ').next_back());
        before.is_some_and(is_source_line)
    })
}

fn first_word(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}

/// `drivers/net/a.c:12`
fn is_source_line(word: &str) -> bool {
    let Some((path, line)) = word.rsplit_once(':') else { return false };
    let line = line.trim_end_matches(['!', ',']);
    path.contains('.') && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// `irq 16: nobody cared`: a number follows.
pub(super) fn has_number_after_irq(line: &str) -> bool {
    line.get(4..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `BUG kmalloc-64 (Not tainted): Poison overwritten`, `BUG a (Tainted: G    B): ...`.
pub(super) fn is_slub(line: &str) -> bool {
    let tainted = line.split_once(" (").map(|(_, tainted)| tainted);
    tainted.is_some_and(|tainted| {
        let has_head = tainted.starts_with("Not tainted") || tainted.starts_with("Tainted: ");
        has_head && tainted.contains("): ")
    })
}

/// A die line has its code, and since 5.6 its address: `general protection fault: 0000 [#1]`,
/// `general protection fault, maybe for address 0x10: 0000 [#1]`, `general protection fault for ...`. What a program did
/// has no colon there: `traps: a[1] general protection ip:...`.
pub(super) fn is_protection_fault(line: &str) -> bool {
    let after = line.strip_prefix("general protection fault").unwrap_or_default();
    after.starts_with([':', ',']) || after.starts_with(" for ") || (after.starts_with(' ') && is_die(line))
}

/// `double fault: 0000 [#1]`, `double fault, gdt at c1`.
pub(super) fn is_double_fault(line: &str) -> bool {
    line.strip_prefix("double fault").is_some_and(|after| after.starts_with([':', ',']))
}

/// `NAME/12 still`, where the name may have a slash, and the number is -1 for none.
pub(super) fn begins_with_process(sentence: &str) -> bool {
    let process = sentence.split_once(" still").and_then(|(process, _)| process.rsplit_once('/'));
    process.is_some_and(|(name, number)| !name.is_empty() && number.parse::<i32>().is_ok())
}
