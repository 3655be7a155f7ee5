//! Actual output with placeholders for what differs from run to run and from machine to machine.
//!
//! ```text
//! @ROOT@        the private directory            @SECONDS@   a time about now, or when the files were left
//! @VERSION@     of the programs                  @BUCKET@    the same, in buckets of a window
//! @BOOT@        the running boot                 @TIME@      the same, for people
//! @ID@          an id that d48c008 did not leave @AGE@       from then until now, in seconds
//! @PORT@        where a server of the test listened
//! ```

use crate::expected::golden;
use crate::inheritance::{TWO_DAYS, replace_numbers, running_boot, unix_secs};
use std::fs;
use std::path::Path;
use test_harness::Sandbox;

/// `text` with placeholders.
pub(crate) fn normal(text: &str, sandbox: &Sandbox) -> String {
    let root = sandbox.path("").display().to_string();
    let text = text.replace(root.trim_end_matches('/'), "@ROOT@").replace(&running_boot(), "@BOOT@");
    let text = text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"@VERSION@\"");
    let text = without_new_ids(&without_dates(&without_ports(&text)));
    let (now, two_days) = (unix_secs(), TWO_DAYS.as_secs());
    // Files are at most some hours older or younger than they are said to be.
    let is_time = |secs: u64| (now - two_days - 10_000..now + 10_000).contains(&secs);
    replace_numbers(&text, |number| match number {
        _ if is_time(number) => Some("@SECONDS@".to_owned()),
        _ if [15, 20, 60].into_iter().any(|unit| is_time(number.saturating_mul(unit))) => {
            Some("@BUCKET@".to_owned())
        }
        _ if number.abs_diff(two_days) < 600 => Some("@AGE@".to_owned()),
        _ => None,
    })
}

/// Times as `Mon 2018-04-02 17:48:01 UTC`.
fn without_dates(text: &str) -> String {
    const EXAMPLE: &[u8] = b"Mon 2018-04-02 17:48:01 UTC";
    let is_date = |bytes: &[u8]| {
        bytes.iter().zip(EXAMPLE).all(|(byte, example)| match example {
            b'0'..=b'9' => byte.is_ascii_digit(),
            b'M' | b'o' | b'n' => byte.is_ascii_alphabetic(),
            _ => byte == example,
        })
    };
    let mut result = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match rest.get(..EXAMPLE.len()) {
            Some(date) if is_date(date) => {
                result.extend_from_slice(b"@TIME@");
                rest = &rest[EXAMPLE.len()..];
            }
            _ => {
                result.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(result).unwrap()
}

/// Ports that the system chose, which have five digits.
fn without_ports(text: &str) -> String {
    const HOST: &str = "http://127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.trim_start_matches(|c: char| c.is_ascii_digit());
        result.push_str(HOST);
        if part.len() - after.len() == 5 {
            result.push_str("@PORT@");
            result.push_str(after);
        } else {
            result.push_str(part);
        }
    }
    result
}

/// Ids of 32 hexadecimal digits that stand nowhere in what d48c008 left.
fn without_new_ids(text: &str) -> String {
    let left = everything_left(&golden("left"));
    let mut result = text.to_owned();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let is_id = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id && !left.contains(word) {
            result = result.replace(word, "@ID@");
        }
    }
    result
}

fn everything_left(directory: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        all.push_str(path.file_name().unwrap().to_str().unwrap());
        all.push('\n');
        all.push_str(&match path.is_dir() {
            true => everything_left(&path),
            false => String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        });
    }
    all
}
