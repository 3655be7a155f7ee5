//! Performance data: `'label'=value[UOM];[warn];[crit];[min];[max]`, parted by blanks. Quotes stand round a label with blanks
//! or `=`, `''` is a quote in it. What is bad is left out, and the rest counts.

use crate::range::Range;
use std::fmt;

/// Items of one output.
pub(super) const ITEMS: usize = 64;

/// Longest label, in bytes.
const LABEL_BYTES: usize = 128;

/// Longest unit, in bytes.
const UNIT_BYTES: usize = 16;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub label: String,
    /// None: the plugin does not know it (`U`).
    pub value: Option<f64>,
    /// `s`, `%`, `MB`, `c` and the like; empty for none.
    pub unit: String,
    /// Ranges of the plugin.
    pub warning: Option<Range>,
    /// Likewise.
    pub critical: Option<Range>,
    /// The lowest that there is.
    pub min: Option<f64>,
    /// The highest.
    pub max: Option<f64>,
}

/// The items of a line that are as they should be.
pub(super) fn parse(line: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && items.len() < ITEMS {
        let (label, behind) = label(rest);
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let (values, behind) = behind.split_at_checked(end).unwrap_or((behind, ""));
        items.extend(label.and_then(|label| item(label, values)));
        rest = behind.trim_start();
    }
    items
}

/// A label, and what stands behind its `=`; without one, what is behind this word.
fn label(text: &str) -> (Option<String>, &str) {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
        let (label, behind) = text.split_at_checked(end).unwrap_or((text, ""));
        return match behind.strip_prefix('=') {
            Some(behind) => (Some(label.to_owned()), behind),
            None => (None, behind),
        };
    };
    let mut label = String::new();
    let mut rest = quoted;
    loop {
        let Some((part, behind)) = rest.split_once('\'') else { return (None, "") };
        label.push_str(part);
        if let Some(behind) = behind.strip_prefix('\'') {
            label.push('\'');
            rest = behind;
        } else if let Some(behind) = behind.strip_prefix('=') {
            return (Some(label), behind);
        } else {
            return (None, behind.trim_start_matches(|c: char| !c.is_whitespace()));
        }
    }
}

fn item(label: String, values: &str) -> Option<Item> {
    let is_label = !label.is_empty() && label.len() <= LABEL_BYTES && !label.contains(char::is_control);
    let mut values = values.split(';');
    let first = values.next().filter(|_| is_label)?;
    let (value, unit) = if first == "U" { (None, "") } else { number_and_unit(first)? };
    let mut range = || values.next().filter(|text| !text.is_empty()).and_then(|text| text.parse().ok());
    let (warning, critical) = (range(), range());
    let mut number = || values.next().and_then(|text| number_and_unit(text)?.0);
    Some(Item { label, value, unit: unit.to_owned(), warning, critical, min: number(), max: number() })
}

/// A decimal number, perhaps with an exponent, and the unit behind it.
fn number_and_unit(text: &str) -> Option<(Option<f64>, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".+-".contains(c))).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let exponent = rest.strip_prefix(['e', 'E']).map(|rest| {
        let sign = usize::from(rest.starts_with(['+', '-']));
        let digits = rest.get(sign..).unwrap_or_default();
        let digits = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if digits == 0 { 0 } else { 1 + sign + digits }
    });
    let end = number.len() + exponent.unwrap_or(0);
    let (number, unit) = text.split_at_checked(end)?;
    let value: f64 = number.parse().ok()?;
    // Behind an exponent these would be read as part of the number once that is shown without one.
    let is_unit = !unit.starts_with(['.', '+', '-'])
        && unit.len() <= UNIT_BYTES
        && !unit.contains(|c: char| c.is_ascii_digit() || c.is_control());
    (value.is_finite() && is_unit).then_some((Some(value), unit))
}

impl fmt::Display for Item {
    /// As a plugin would print it, with all that is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs_quotes = self.label.contains(|c: char| c == '=' || c == '\'' || c.is_whitespace());
        let label = self.label.replace('\'', "''");
        let label = if needs_quotes { format!("'{label}'") } else { label };
        let value = self.value.map_or_else(|| "U".to_owned(), |value| value.to_string());
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let range = |range: &Option<Range>| range.as_ref().map(Range::to_string).unwrap_or_default();
        let (warning, critical) = (range(&self.warning), range(&self.critical));
        let all = format!("{warning};{critical};{};{}", number(self.min), number(self.max));
        write!(f, "{label}={value}{}", self.unit)?;
        match all.trim_end_matches(';') {
            "" => Ok(()),
            rest => write!(f, ";{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str) -> Vec<String> {
        parse(line).iter().map(Item::to_string).collect()
    }

    #[test]
    fn items_of_plugins() {
        for (line, expected) in [
            (
                "time=0.002722s;;;0.000000;10.000000 size=427B;;;0",
                &["time=0.002722s;;;0;10", "size=427B;;;0"][..],
            ),
            ("/=2643MB;5948;5958;0;5968", &["/=2643MB;5948;5958;0;5968"]),
            ("load1=0.010;5.000;10.000;0; load5=U", &["load1=0.01;5.000;10.000;0", "load5=U"]),
            ("'a b'=1% 'it''s'=2 'x=y'=3", &["'a b'=1%", "'it''s'=2", "'x=y'=3"]),
            ("procs=5;@1:2;~:3;0;;", &["procs=5;@1:2;~:3;0"]),
            ("a=1.5e3B b=-2E-1 c=1e d=7", &["a=1500B", "b=-0.2", "c=1e", "d=7"]),
            ("bad a=1 =2 b= c=x d=1,5 e=2;w;10 f=3", &["a=1", "e=2;;10", "f=3"]),
            ("'open=1 a=2", &[]),
            ("'a'b=1 c=2", &["c=2"]),
            ("a=13e5.{ b=1e5+x c=1e2-", &[]),
            ("  ", &[]),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
        assert_eq!(parse(&"a=1 ".repeat(500)).len(), ITEMS);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(line in "['a-c=;:@~U0-9.%eE -]{0,60}|.{0,60}") {
            for item in parse(&line) {
                prop_assert_eq!(parse(&item.to_string()), vec![item]);
            }
        }
    }
}
