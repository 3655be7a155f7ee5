//! What is said on standard error where a list is shorter than who asked may think: a filter that fits nothing is as likely a
//! slip as an answer.

use super::filter::Filter;
use std::fmt::Write;
use telemetry_record::harmless::word;
use telemetry_record::hex_id::HEX_DIGITS;

/// The sentence where nothing is listed of so many records. `all` says whether what waits and what was rejected is among them.
pub(super) fn nothing_listed(filter: &Filter<'_>, records: usize, all: bool) -> String {
    let named = filter.named();
    let mut said = match records {
        0 if all => "there is no record: none left, waits or was rejected".to_owned(),
        0 => "no record has left this machine yet".to_owned(),
        1 => "the one record that there is does not fit".to_owned(),
        _ => format!("none of the {records} records fits"),
    };
    if records > 0 {
        let options = named.iter().map(|(option, value)| format!(" {option} {}", word(value)));
        said.extend(options);
    }
    for (option, value) in named {
        let _ = match option {
            "--classification" if !value.ends_with("/*") => {
                write!(
                    said,
                    "; `{}/*` means all classifications that begin so",
                    word(value.trim_end_matches('/'))
                )
            }
            "--record_id" | "--event_id" if !is_id(value) => {
                write!(said, "; an id has {HEX_DIGITS} hexadecimal digits, in lower case")
            }
            _ => Ok(()),
        };
    }
    if !all {
        said.push_str("; `--all` lists what waits and what was rejected, too");
    }
    said
}

/// The sentence where the payloads of records that left were asked for, and none of so many is kept.
pub(super) fn no_payloads(records: usize) -> String {
    let these = if records == 1 { "this record".to_owned() } else { format!("these {records} records") };
    format!("no payload of {these} is kept; with record_retention_enabled=true those of the next ones are")
}

fn is_id(value: &str) -> bool {
    value.len() == HEX_DIGITS && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_what_was_asked_for_and_what_may_be_meant() {
        let any = Filter::default();
        let class = Filter { classification: Some("org.x/y"), ..any };
        let exact = Filter { classification: Some("org.x/*"), boot_id: Some("b\u{202e}"), ..any };
        let id = Filter { record_id: Some("12ab"), ..any };
        let more = "; `--all` lists what waits and what was rejected, too";
        for (filter, records, all, expected) in [
            (exact, 0, false, format!("no record has left this machine yet{more}")),
            (exact, 0, true, "there is no record: none left, waits or was rejected".to_owned()),
            (
                class,
                3,
                true,
                "none of the 3 records fits --classification org.x/y; `org.x/y/*` means all classifications that begin \
                 so"
                .to_owned(),
            ),
            (
                exact,
                1,
                false,
                format!("the one record that there is does not fit --classification org.x/* --boot_id b\\u{{202e}}{more}"),
            ),
            (
                id,
                7,
                true,
                "none of the 7 records fits --record_id 12ab; an id has 32 hexadecimal digits, in lower case".to_owned(),
            ),
        ] {
            assert_eq!(nothing_listed(&filter, records, all), expected);
        }
    }
}
