//! What a hardware error is: how bad, and of which bank or section.

use crate::groups::names::sentence;
use crate::groups::payload::Payload;
use crate::groups::text::{Pattern, group};
use regex::Regex;

static SEVERITY: Pattern = Pattern::new(|| Regex::new(r"event severity: ([a-z-]+)").ok());
static SECTION: Pattern = Pattern::new(|| Regex::new(r"section[_ ]type: ([^,]+)").ok());
/// Of a section that the kernel does not know, the id is the only name.
static SECTION_ID: Pattern = Pattern::new(|| {
    Regex::new(r"section[_ ]type: unknown, ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})").ok()
});
static BANK: Pattern = Pattern::new(|| Regex::new(r"\b(?i:bank)[ :=]+([0-9]{1,3})\b").ok());

/// `machine check, bank 8`; `corrected, memory error`; `thermal`.
pub(super) fn hardware(classification: &str, payload: &Payload<'_>, text: &str) -> String {
    let lines = || [payload.leading()].into_iter().chain(payload.hardware_errors.iter().copied());
    let first = |pattern| lines().find_map(|line| group(line, pattern, 1));
    let error = first(&SEVERITY).map_or_else(|| error(classification, payload, text), str::to_owned);
    let part = first(&SECTION_ID)
        .map(|id| format!("section {id}"))
        .or_else(|| first(&SECTION).map(sentence))
        .or_else(|| first(&BANK).or_else(|| group(text, &BANK, 1)).map(|bank| format!("bank {bank}")));
    match part {
        Some(part) => format!("{error}, {part}"),
        None => error,
    }
}

fn error(classification: &str, payload: &Payload<'_>, text: &str) -> String {
    let mut parts = classification.rsplit('/');
    let (probe, area) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let says = |word: &str| {
        payload.leading().contains(word) || payload.hardware_errors.iter().any(|line| line.contains(word))
    };
    match area {
        // corrected, SRAO, SRAR, UCNA, thermal: the probe read it from the bank.
        "mce" => sentence(probe),
        _ if says("Machine Check Exception") => "machine check exception".to_owned(),
        _ if says("Fatal machine check") => "fatal machine check".to_owned(),
        _ if says("Machine Check") || says("Machine check") => "machine check".to_owned(),
        "bert" => "error before the boot".to_owned(),
        _ => sentence(text.lines().next().filter(|_| payload.reason.is_none()).unwrap_or(payload.leading())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_record_says() {
        for (class, text, expected) in [
            (
                "org.clearlinux/kernel/warning",
                "Reason: Machine check events logged\nHardware Error: CPU 2: Machine Check: 0 Bank 8: 8c00004000010090\n",
                "machine check, bank 8",
            ),
            (
                "org.clearlinux/kernel/bug",
                "Reason: CPU 3: Machine Check Exception: 5 Bank 4: be00000000800400\nHardware Error: TSC (address)\n",
                "machine check exception, bank 4",
            ),
            (
                "org.clearlinux/kernel/panic",
                "Reason: Kernel panic - not syncing: Fatal machine check\n",
                "fatal machine check",
            ),
            (
                "org.clearlinux/kernel/warning",
                "Reason: Hardware error from APEI Generic Hardware Error Source: 0\nHardware Error: event severity: corrected\n\
                 Hardware Error:  Error 0, type: corrected\nHardware Error:   section_type: memory error\n",
                "corrected, memory error",
            ),
            (
                "org.clearlinux/bert/debug",
                "BERT: Error records from previous boot:\n[Hardware Error]: event severity: fatal\n\
                 [Hardware Error]:   section type: unknown, 81212a96-09ed-4996-9471-8d729c8e69ed\n",
                "fatal, section 81212a96-09ed-4996-9471-8d729c8e69ed",
            ),
            (
                "org.clearlinux/bert/debug",
                "BERT: Error records from previous boot:\n",
                "error before the boot",
            ),
            (
                "org.clearlinux/mce/corrected",
                "CPU 0 BANK 8 TSC 0\nSTATUS 8c00004000010090 MCGSTATUS 0\n",
                "corrected, bank 8",
            ),
            ("org.clearlinux/mce/thermal", "x\n", "thermal"),
            (
                "org.clearlinux/kernel/bug",
                "Reason: Hardware error 7 in \"x\"\n",
                "Hardware error (number) in (text)",
            ),
        ] {
            assert_eq!(hardware(class, &Payload::parse(text), text), expected, "{text}");
        }
    }
}
