//! Which numbers are addresses. A number is looked at with what stands around it: the same digits are an address behind
//! `address:`, and an error's code behind `error_code`.

use super::ADDRESS;
use super::words::{Replaced, run};

/// Numbers below are offsets in the null page, or codes, and reveal nothing about where things lie.
const SMALLEST_ADDRESS: u64 = 4096;

/// Words before a number of eight digits that is an address.
const POINTERS: [&str; 14] =
    ["address", "addr", "at", "ptr", "pc", "lr", "sp", "pte", "pmd", "pgd", "epc", "ra", "era", "pud"];

/// Words before a number that is one however short it is.
const ALWAYS: [&str; 6] = ["physical_address", "ADDR", "MISC", "RIP", "TSC", "pfn"];

/// What the names of codes end with, or begin with.
const CODES: [&str; 14] = [
    "id", "status", "mask", "flags", "code", "error", "esr", "order", "mode", "fsr", "fsc", "syndrome",
    "length", "size",
];

const UUID_BYTES: usize = 36;

/// The text with `(address)` for each; none if there is none.
pub(super) fn without_addresses(text: &str) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut replaced = Replaced::new(text);
    let mut around = Around::default();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        // Those that are not of a section's type are names, and gone.
        if rest.get(..UUID_BYTES).is_some_and(super::names::is_uuid) {
            at += UUID_BYTES;
            continue;
        }
        let word_bytes = run(rest.as_bytes(), is_part);
        let (word, after) = rest.split_at_checked(word_bytes).unwrap_or((rest, ""));
        if !word.is_empty() && around.says_address(word, after) {
            replaced.replace(at, at + word_bytes, ADDRESS);
        }
        let other_bytes = run(after.as_bytes(), |byte| !is_part(byte));
        let other = after.get(..other_bytes).unwrap_or_default();
        if !word.is_empty() {
            around.is_status = word.ends_with("STATUS") || around.is_status && !other.starts_with(' ');
            around.before_last = std::mem::replace(&mut around.last, word);
            around.is_offset = around.between.ends_with('+') && word.starts_with("0x");
        }
        around.between = other;
        at += word_bytes + other_bytes;
    }
    replaced.finish()
}

/// What stands before a word.
#[derive(Clone, Copy, Debug, Default)]
struct Around<'a> {
    before_last: &'a str,
    last: &'a str,
    /// What stands between the last word and this one.
    between: &'a str,
    is_offset: bool,
    /// `MC15_STATUS[Over|CE]: ` stands before it.
    is_status: bool,
}

impl Around<'_> {
    fn says_address(&self, word: &str, after: &str) -> bool {
        let (digits, has_mark) = match word.strip_prefix("0x") {
            Some(digits) => (digits, true),
            None => (word, false),
        };
        if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return false;
        }
        let is_direct = matches!(self.between, ":" | ": " | "=" | " = " | " " | " : " | ":0" | " <");
        if is_direct && ALWAYS.contains(&self.last) {
            return true;
        }
        let is_small = u64::from_str_radix(digits, 16).is_ok_and(|value| value < SMALLEST_ADDRESS);
        let is_of_function = self.between.ends_with('+') || self.between == "/" && self.is_offset;
        if is_small || is_of_function || after.starts_with(" [#") || self.is_code(digits, has_mark) {
            return false;
        }
        let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
        match (has_mark, digits.len()) {
            // Hex that no rule knows.
            (true, _) | (false, 16) => true,
            (false, 8..) if self.is_pointer(after) => true,
            (false, 8..) => !is_decimal,
            _ => false,
        }
    }

    /// `[<c1001122>]`, `(c1001122)`, `address c1001122`.
    fn is_pointer(&self, after: &str) -> bool {
        let is_in_brackets = self.between.ends_with("[<") && after.starts_with(">]");
        let is_in_parentheses = self.between.ends_with('(') && after.starts_with(')');
        let is_behind = matches!(self.between.trim_matches(' '), "" | ":" | "=" | "==");
        is_in_brackets || is_in_parentheses || is_behind && POINTERS.contains(&self.last)
    }

    /// `error_code(0x0002)`, `mode:0x40dc0`, `device_id: 0x165f`, `ESR = 0x96000045`, `Bank 4: be00000000800400`,
    /// `MC15_STATUS[...]: 0x9c2030000001085b`.
    fn is_code(&self, digits: &str, has_mark: bool) -> bool {
        let is_pair = matches!(self.between, ":" | ": " | "=" | " = " | "(" | " ");
        let is_bank = self.before_last == "Bank" && self.between.starts_with(':');
        if is_bank || self.is_status || is_pair && self.last == "ESR" {
            return true;
        }
        let ends_with = |end: &str| {
            let at = self.last.len().checked_sub(end.len());
            at.and_then(|at| self.last.get(at..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
        };
        let is_code = has_mark && digits.len() <= 8 && is_pair;
        is_code && !ends_with("pid") && CODES.iter().any(|code| ends_with(code))
    }
}
