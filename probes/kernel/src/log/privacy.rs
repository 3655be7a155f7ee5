//! What never leaves the machine: where things lie in the kernel's memory, and what its registers held.

/// What may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// No addresses and no register values.
    Filtered,
    /// Everything: the administrator said so (`etc_dir/opt-in-no-privacy-filters`).
    Everything,
}

/// What stands for an address.
const ADDRESS: &str = "(address)";

/// Numbers below are offsets in the null page, or codes, and reveal nothing about where things lie.
const SMALLEST_ADDRESS: u64 = 4096;

/// Fewest hexadecimal digits of an address without `0x` before it: the kernel prints all of them, 8 or 16.
const ADDRESS_DIGITS: usize = 8;

/// A sentence of the kernel without the addresses in it, and without the names of files.
pub(super) fn filtered(text: &str, privacy: Privacy) -> String {
    if privacy == Privacy::Everything {
        return text.to_owned();
    }
    // "BUG: Dentry ffff{i=1,n=NAME} still in use": a file of somebody's.
    let text = match (text.starts_with("BUG: Dentry"), text.split_once('{')) {
        (true, Some((before, _))) => before.trim_end(),
        _ => text,
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word_bytes = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(word_bytes).unwrap_or((rest, ""));
        // The code of `Oops: 0000000096000045 [#1]` says what happened, not where.
        let is_code = after.starts_with(" [#");
        shown.push_str(if is_address(word) && !is_code { ADDRESS } else { word });
        let other_bytes = after.find(is_part).unwrap_or(after.len());
        let (other, next) = after.split_at_checked(other_bytes).unwrap_or((after, ""));
        shown.push_str(other);
        rest = next;
    }
    shown
}

fn is_address(word: &str) -> bool {
    let (digits, fewest) = match word.strip_prefix("0x") {
        Some(digits) => (digits, 4),
        None => (word, ADDRESS_DIGITS),
    };
    let is_hex = (fewest..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // A count, a date or a time. Addresses of the kernel that are short begin with a letter.
    let is_count =
        digits.len() == word.len() && word.len() < 12 && word.bytes().all(|byte| byte.is_ascii_digit());
    is_hex && !is_count && u64::from_str_radix(digits, 16).is_ok_and(|value| value >= SMALLEST_ADDRESS)
}

/// A text without any word that is an address of the kernel's half of a 64-bit space. It is the last net, below what knows
/// what each part of a line is: lines that are damaged or run together have addresses where none belong.
pub(super) fn without_kernel_addresses(text: &str) -> String {
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
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_out_and_nothing_else() {
        for (text, expected) in [
            (
                "BUG: unable to handle page fault for address: ffffffffc0101234",
                "BUG: unable to handle page fault for address: (address)",
            ),
            (
                "BUG: kernel NULL pointer dereference, address: 0000000000000010",
                "BUG: kernel NULL pointer dereference, address: 0000000000000010",
            ),
            ("address 0xdead000000000108: 0000 [#1]", "address (address): 0000 [#1]"),
            ("next->prev should be prev (c1234567)", "next->prev should be prev ((address))"),
            (
                "WARNING: CPU: 12 PID: 12345 at net/a.c:525 fn+0x258/0x260",
                "WARNING: CPU: 12 PID: 12345 at net/a.c:525 fn+0x258/0x260",
            ),
            ("deadbeef_fn+0x1/0x2", "deadbeef_fn+0x1/0x2"),
            ("error_code(0x0002)", "error_code(0x0002)"),
            (
                "Internal error: Oops: 0000000096000045 [#1] SMP",
                "Internal error: Oops: 0000000096000045 [#1] SMP",
            ),
            ("(20220331/dspkginit-438)", "(20220331/dspkginit-438)"),
            ("BUG: Dentry 00000000abcd1234{i=1,n=letter to ann.txt} still", "BUG: Dentry (address)"),
            ("é ffffffff81000000 é", "é (address) é"),
            ("", ""),
        ] {
            assert_eq!(filtered(text, Privacy::Filtered), expected);
            assert_eq!(filtered(text, Privacy::Everything), text);
        }
    }

    #[test]
    fn no_address_of_the_kernel_passes_the_last_net() {
        for (text, expected) in [
            ("Modules : a b<ffffffff81054e5c>] ffff", "Modules : a b<(address)>] ffff"),
            ("ffffffff81054e5c", "(address)"),
            ("é ffffffff81054e5c [#1]\n", "é (address) [#1]\n"),
            (
                "ffffffff81054e5c_fn ffffffff81054e5 be00000000800400",
                "ffffffff81054e5c_fn ffffffff81054e5 be00000000800400",
            ),
            ("", ""),
        ] {
            assert_eq!(without_kernel_addresses(text), expected);
        }
    }

    #[test]
    fn registers_are_zero_or_not() {
        for (value, expected) in [
            ("0010:ffffffff81000000", "Non-zero"),
            ("0010:0x0", "Zero"),
            ("0000000000000000", "Zero"),
            ("0000000000000001", "Non-zero"),
            ("0010:fn+0x1/0x2", "Non-zero"),
            ("", "Non-zero"),
        ] {
            assert_eq!(register(value, Privacy::Filtered), expected, "{value}");
            assert_eq!(register(value, Privacy::Everything), value);
        }
    }
}
