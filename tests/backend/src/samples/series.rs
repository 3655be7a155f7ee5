//! A series: a metric with its labels.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::limits::{LABELS, LABELS_BYTES, NAME_BYTES, UNIT_BYTES};
use super::text::is_harmful;

/// What the values of a series are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Something that goes up and down.
    Gauge,
    /// Something that only grows: what counts is how fast.
    Counter,
    /// Always 1: the labels say something.
    Info,
}

impl Kind {
    /// In tables.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Gauge => 0,
            Self::Counter => 1,
            Self::Info => 2,
        }
    }

    /// Out of a table.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Info,
            _ => Self::Gauge,
        }
    }
}

/// A series. Two that differ in anything are two, so that nobody changes what another's are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The metric, of a counter without `_total`.
    pub name: String,
    /// Labels by name, as OpenMetrics writes them: `mountpoint="/",state="free"`.
    pub labels: String,
    /// The unit; empty if there is none.
    pub unit: String,
    /// What its values are.
    pub kind: Kind,
}

impl Series {
    /// One of foreign parts; none if these are no names, or have no room.
    #[must_use]
    pub fn new(name: &str, labels: Vec<(String, String)>, unit: &str, kind: Kind) -> Option<Self> {
        let labels = canonical(labels)?;
        let is_unit =
            unit.len() <= UNIT_BYTES && unit.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let unit = if is_unit { unit.to_owned() } else { String::new() };
        is_name(name).then(|| Self { name: name.to_owned(), labels, unit, kind })
    }

    /// A gauge without a unit, of names that are ours.
    #[must_use]
    pub fn gauge(name: &str, labels: &[(&str, &str)]) -> Option<Self> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::new(name, labels, "", Kind::Gauge)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<String> {
        let mut rest = self.labels.as_str();
        while !rest.is_empty() {
            let (label, value, after) = next_label(rest)?;
            if label == name {
                return Some(value);
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        None
    }

    /// By which tables know it.
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let mut sum = Sha256::new();
        sum.update(self.kind.number().to_le_bytes());
        for part in [&self.name, &self.labels, &self.unit] {
            sum.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            sum.update(part);
        }
        let mut key = [0; 16];
        key.iter_mut().zip(sum.finalize()).for_each(|(to, from)| *to = from);
        key
    }
}

/// Whether it is the name of a metric.
fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(is_part)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// The labels in order, written out, if they have room and no name twice.
fn canonical(mut labels: Vec<(String, String)>) -> Option<String> {
    labels.sort();
    let is_twice = labels.iter().zip(labels.iter().skip(1)).any(|(one, next)| one.0 == next.0);
    let bytes: usize = labels.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    if is_twice || labels.len() > LABELS || bytes > LABELS_BYTES {
        return None;
    }
    let mut text = String::new();
    for (name, value) in labels {
        let is_label = is_name(&name) && !name.contains(':');
        if !is_label {
            return None;
        }
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{name}=\"{}\"", escaped(&value));
    }
    (text.len() <= LABELS_BYTES).then_some(text)
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for char in value.chars() {
        match char {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            char if is_harmful(char) => text.push('\u{fffd}'),
            char => text.push(char),
        }
    }
    text
}

/// The first label of a text, its value, and what is behind it.
pub(super) fn next_label(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once("=\"")?;
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((name, value, rest.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_in_order_and_come_back() {
        let labels = vec![("b".to_owned(), "x\"y\\z\n\u{1b}".to_owned()), ("a".to_owned(), "é".to_owned())];
        let series = Series::new("m_x", labels, "bytes", Kind::Gauge).unwrap();
        assert_eq!(series.labels, "a=\"é\",b=\"x\\\"y\\\\z\\n\u{fffd}\"");
        assert_eq!(series.label("b").as_deref(), Some("x\"y\\z\n\u{fffd}"));
        assert_eq!(series.label("a").as_deref(), Some("é"));
        assert_eq!(series.label("c"), None);
    }

    #[test]
    fn what_differs_in_anything_has_another_key() {
        let series = |name: &str, label: &str, unit: &str, kind| {
            Series::new(name, vec![("a".to_owned(), label.to_owned())], unit, kind).unwrap().key()
        };
        let one = series("m", "x", "", Kind::Gauge);
        for other in [
            series("n", "x", "", Kind::Gauge),
            series("m", "y", "", Kind::Gauge),
            series("m", "x", "bytes", Kind::Gauge),
            series("m", "x", "", Kind::Counter),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one, series("m", "x", "no unit!", Kind::Gauge), "a unit that is none");
    }

    #[test]
    fn foreign_names_are_bounded() {
        let long = "x".repeat(8192);
        let label = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for (name, labels) in [
            ("", vec![]),
            ("1a", vec![]),
            ("a b", vec![]),
            ("é", vec![]),
            (&*long, vec![]),
            ("m", label("a", &long)),
            ("m", label(&long, "a")),
            ("m", label("a b", "a")),
            ("m", label("a:b", "a")),
            ("m", label("", "a")),
            ("m", [label("a", "1"), label("a", "2")].concat()),
            ("m", (0..17).flat_map(|n| label(&format!("l{n}"), "a")).collect()),
            // Each of them is written as two.
            ("m", label("a", &"\\".repeat(600))),
        ] {
            assert_eq!(Series::new(name, labels.clone(), "", Kind::Gauge), None, "{name:.20} {labels:.60?}");
        }
    }
}
