//! What never leaves the machine: where things lie in the kernel's memory, what its registers held, and the names that
//! people and their devices have.

mod addresses;
mod names;
mod processes;
mod words;

use std::borrow::Cow;

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// No addresses, no register values, no names of people's.
    Filtered,
    /// Everything: the administrator said so (`etc_dir/opt-in-no-privacy-filters`).
    Everything,
}

/// What stands for an address.
const ADDRESS: &str = "(address)";

/// What takes out what may not leave, in this order; each gives none of a text that stays as it is.
const STAGES: [fn(&str) -> Option<String>; 7] = [
    processes::without_processes,
    names::without_dentry,
    names::without_quoted,
    names::without_unmounted,
    names::without_interface,
    names::without_words,
    addresses::without_addresses,
];

/// A sentence of the kernel without the addresses in it, and without names.
pub(super) fn filtered(text: &str, privacy: Privacy) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    if privacy == Privacy::Filtered {
        for stage in STAGES {
            if let Some(changed) = stage(&shown) {
                shown = Cow::Owned(changed);
            }
        }
    }
    shown
}

/// A text without any word that is an address of the kernel's half of a 64-bit space; none if it has no such word. It is the
/// last net, below what knows what each part of a line is: lines that are damaged or run together have addresses where none
/// belong.
pub(super) fn without_kernel_addresses(text: &str) -> Option<String> {
    // Most texts have none, and all are asked.
    memchr::memmem::find(text.as_bytes(), b"ffff")?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_address = |word: &str| {
        word.len() == 16 && word.starts_with("ffff") && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if !text.split(|c| !is_part(c)).any(is_address) {
        return None;
    }
    let pieces = text.split_inclusive(|c| !is_part(c)).map(|piece| {
        let word = piece.trim_end_matches(|c| !is_part(c));
        if is_address(word) { piece.replacen(word, ADDRESS, 1) } else { piece.to_owned() }
    });
    Some(pieces.collect())
}

/// A register's value.
pub(super) fn register(value: &str, privacy: Privacy) -> &str {
    if privacy == Privacy::Everything {
        return value;
    }
    // Of `0010:ffffffff81000000` the selector does not count.
    let from = value.bytes().rposition(|byte| byte == b':').map_or(0, |colon| colon + 1);
    let number = value.get(from..).unwrap_or_default().trim_ascii();
    let number = number.strip_prefix("0x").unwrap_or(number);
    let is_zero = !number.is_empty() && number.bytes().all(|byte| byte == b'0');
    if is_zero { "Zero" } else { "Non-zero" }
}

#[cfg(test)]
mod tests;
