//! Which records are meant: by id, by the beginning of one, or all.

use crate::cli::RejectedChoice;
use telemetry_record::hex_id::{HEX_DIGITS, HexId};

/// Fewest digits that stand for an id: with fewer, a slip would meet one of 100 records too easily.
const FEWEST_DIGITS: usize = 4;

/// The ids chosen of those that are there, each once.
///
/// # Errors
/// One line about the first that names none or several.
pub(super) fn choose(choice: &RejectedChoice, there: &[HexId]) -> Result<Vec<HexId>, String> {
    if choice.all {
        return Ok(there.to_vec());
    }
    let mut chosen = Vec::new();
    for wanted in &choice.ids {
        let id = find(wanted, there)?;
        if !chosen.contains(&id) {
            chosen.push(id);
        }
    }
    Ok(chosen)
}

/// The id that is this or begins so.
///
/// # Errors
/// One line: it is no beginning of an id, of none that is there, or of several.
pub(super) fn find(wanted: &str, there: &[HexId]) -> Result<HexId, String> {
    let digits = wanted.to_ascii_lowercase();
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !are_digits || !(FEWEST_DIGITS..=HEX_DIGITS).contains(&digits.len()) {
        let shown = wanted.escape_debug();
        return Err(format!(
            "`{shown}` is no id: it has {HEX_DIGITS} hexadecimal digits, of which {FEWEST_DIGITS} are enough"
        ));
    }
    let mut found = there.iter().filter(|id| id.to_string().starts_with(&digits));
    match (found.next(), found.count()) {
        (Some(id), 0) => Ok(*id),
        (Some(_), more) => {
            Err(format!("`{digits}` begins the ids of {} records; give more digits of it", more + 1))
        }
        (None, _) => {
            Err(format!("no rejected record has the id `{digits}`; `telemctl rejected list` shows them"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> Vec<HexId> {
        ["abcd0000", "abcd1111", "12345678"].map(|head| format!("{head:0<32}").parse().unwrap()).to_vec()
    }

    #[test]
    fn a_beginning_is_enough_if_it_is_one_record_s() {
        let there = there();
        for (wanted, index) in
            [("abcd0", 0), ("abcd1", 1), ("1234", 2), ("ABCD11", 1), (&there[0].to_string(), 0)]
        {
            assert_eq!(find(wanted, &there), Ok(there[index]), "{wanted}");
        }
        for (wanted, reason) in [
            ("abcd", "`abcd` begins the ids of 2 records; give more digits of it"),
            ("ffff", "no rejected record has the id `ffff`; `telemctl rejected list` shows them"),
            ("123", "`123` is no id: it has 32 hexadecimal digits, of which 4 are enough"),
            ("", "`` is no id: "),
            ("wxyz", "`wxyz` is no id: "),
            ("12é4", "`12é4` is no id: "),
            ("1234\u{1b}[2J", "`1234\\u{1b}[2J` is no id: "),
            (&format!("{}0", there[0]), "`abcd00000000000000000000000000000` is no id: "),
        ] {
            let error = find(wanted, &there).unwrap_err();
            assert!(error.starts_with(reason), "{wanted}: {error}");
        }
    }

    #[test]
    fn all_are_found_or_none_is_chosen() {
        let there = there();
        let chosen = |ids: &[&str], all| {
            let ids = ids.iter().map(ToString::to_string).collect();
            choose(&RejectedChoice { ids, all }, &there)
        };
        assert_eq!(chosen(&["1234", "abcd0", "12345"], false), Ok(vec![there[2], there[0]]));
        assert!(chosen(&["1234", "ffff"], false).is_err());
        assert_eq!(chosen(&[], true), Ok(there.clone()));
    }
}
