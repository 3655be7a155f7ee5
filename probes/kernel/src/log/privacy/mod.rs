//! What never leaves the machine: where things lie in the kernel's memory, what its registers held, and the names that
//! people and their devices have.

mod addresses;
mod names;
mod processes;

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

/// A sentence of the kernel without the addresses in it, and without names.
pub(super) fn filtered(text: &str, privacy: Privacy) -> String {
    if privacy == Privacy::Everything {
        return text.to_owned();
    }
    let text = processes::without_processes(text);
    let text = names::without_names(&text);
    addresses::without_addresses(&text)
}

/// A text without any word that is an address of the kernel's half of a 64-bit space. It is the last net, below what knows
/// what each part of a line is: lines that are damaged or run together have addresses where none belong.
pub(super) fn without_kernel_addresses(text: &str) -> String {
    // Most texts have none, and all are asked.
    if !text.contains("ffff") {
        return text.to_owned();
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_address = |word: &str| {
        word.len() == 16 && word.starts_with("ffff") && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if !text.split(|c| !is_part(c)).any(is_address) {
        return text.to_owned();
    }
    let pieces = text.split_inclusive(|c| !is_part(c)).map(|piece| {
        let word = piece.trim_end_matches(|c| !is_part(c));
        if is_address(word) { piece.replacen(word, ADDRESS, 1) } else { piece.to_owned() }
    });
    pieces.collect()
}

/// A register's value.
pub(super) fn register(value: &str, privacy: Privacy) -> &str {
    if privacy == Privacy::Everything {
        return value;
    }
    // Of `0010:ffffffff81000000` the selector does not count.
    let number = value.rsplit(':').next().unwrap_or(value);
    let number = number.trim().trim_start_matches("0x");
    let is_zero = !number.is_empty() && number.bytes().all(|byte| byte == b'0');
    if is_zero { "Zero" } else { "Non-zero" }
}

#[cfg(test)]
mod tests;
