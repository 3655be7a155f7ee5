//! One range of numbers in a name: `web{01..40}`, whose number stands for `{}` in the values.

use std::fmt;
use std::ops::RangeInclusive;

/// Names of one range: a network has fewer hosts of one kind.
const MAX_NAMES: u64 = 10_000;

/// A name, or several by a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    before: &'a str,
    range: Option<Range>,
    after: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    numbers: RangeInclusive<u64>,
    /// Digits, with leading zeros; 0: as they come.
    width: usize,
}

/// A range that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeFault {
    /// No range that can be read.
    Form,
    /// The first number is larger than the last.
    Order,
    /// Too many names.
    Large,
}

impl fmt::Display for RangeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "a name has one range at most, such as {{01..40}}"),
            Self::Order => write!(f, "a range begins with its smaller number"),
            Self::Large => write!(f, "a range has {MAX_NAMES} numbers at most; make several sections"),
        }
    }
}

impl<'a> Names<'a> {
    /// Reads a name.
    ///
    /// # Errors
    /// [`RangeFault`].
    pub fn read(text: &'a str) -> Result<Self, RangeFault> {
        let Some((before, rest)) = text.split_once('{') else {
            return if text.contains('}') { Err(RangeFault::Form) } else { Ok(Self::one(text)) };
        };
        let (range, after) = rest.split_once('}').ok_or(RangeFault::Form)?;
        if before.contains('}') || after.contains(['{', '}']) {
            return Err(RangeFault::Form);
        }
        Ok(Self { before, range: Some(Range::read(range)?), after })
    }

    fn one(text: &'a str) -> Self {
        Self { before: text, range: None, after: "" }
    }

    /// Whether it is several.
    #[must_use]
    pub fn has_range(&self) -> bool {
        self.range.is_some()
    }

    /// Each name, with what stands for `{}`; of one without a range nothing does.
    pub fn each(&self) -> impl Iterator<Item = (String, Option<String>)> + '_ {
        let numbers = self.range.iter().flat_map(Range::texts);
        let several = numbers.map(|number| (format!("{}{number}{}", self.before, self.after), Some(number)));
        let one = self.range.is_none().then(|| (self.before.to_owned(), None));
        one.into_iter().chain(several)
    }
}

impl Range {
    fn read(text: &str) -> Result<Self, RangeFault> {
        let (first, last) = text.split_once("..").ok_or(RangeFault::Form)?;
        let number = |text: &str| {
            let is_number = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u64>().ok()).flatten().ok_or(RangeFault::Form)
        };
        let (from, to) = (number(first)?, number(last)?);
        let has_zeros = |text: &str| text.len() > 1 && text.starts_with('0');
        let is_padded = has_zeros(first) || has_zeros(last);
        match () {
            () if is_padded && first.len() != last.len() => Err(RangeFault::Form),
            () if from > to => Err(RangeFault::Order),
            () if to - from >= MAX_NAMES => Err(RangeFault::Large),
            () => Ok(Self { numbers: from..=to, width: if is_padded { first.len() } else { 0 } }),
        }
    }

    fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let width = self.width;
        self.numbers.clone().map(move |number| format!("{number:0width$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, RangeFault> {
        Names::read(text).map(|names| names.each().map(|(name, _)| name).collect())
    }

    #[test]
    fn a_range_is_every_number() {
        assert_eq!(names("web"), Ok(vec!["web".to_owned()]));
        assert_eq!(names("a{08..10}b"), Ok(["a08b", "a09b", "a10b"].map(str::to_owned).to_vec()));
        assert_eq!(names("a{8..10}"), Ok(["a8", "a9", "a10"].map(str::to_owned).to_vec()));
        assert_eq!(names("{0..0}"), Ok(vec!["0".to_owned()]));
        assert_eq!(names("a{1..10000}").map(|names| names.len()), Ok(10_000));
        let of: Vec<_> =
            Names::read("a{01..02}").unwrap().each().map(|(_, number)| number.unwrap()).collect();
        assert_eq!(of, ["01", "02"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (text, fault) in [
            ("a{", RangeFault::Form),
            ("a}", RangeFault::Form),
            ("a}{1..2}", RangeFault::Form),
            ("a{}", RangeFault::Form),
            ("a{1-2}", RangeFault::Form),
            ("a{1..2}{1..2}", RangeFault::Form),
            ("a{..2}", RangeFault::Form),
            ("a{01..100}", RangeFault::Form),
            ("a{-1..2}", RangeFault::Form),
            ("a{1..99999999999999999999}", RangeFault::Form),
            ("a{2..1}", RangeFault::Order),
            ("a{0..10000}", RangeFault::Large),
        ] {
            assert_eq!(names(text), Err(fault), "{text}");
        }
    }
}
