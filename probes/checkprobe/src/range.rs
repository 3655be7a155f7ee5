//! Ranges of values that raise no alert, as Nagios plugins have them.
//!
//! ```text
//! [@][start:][end]     alert outside of start..end, which belong to it; @: inside
//! 10   0..10     10:   10 and above     ~:10   10 and below     10:20     @10:20   alert from 10 to 20
//! ```

use std::fmt;
use std::str::FromStr;

/// A range.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    start: f64,
    end: f64,
    /// Whether the alert is inside of it.
    is_inverted: bool,
    text: String,
}

/// Why a text is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It is not `[@][start:][end]`.
    #[error("must be [@][start:][end] with decimal numbers, as 10, 10:, ~:10, 10:20 or @10:20")]
    Form,
    /// Nothing can be in it.
    #[error("its start is above its end")]
    Empty,
}

impl Range {
    /// Whether this value raises the alert.
    pub fn alerts(&self, value: f64) -> bool {
        (self.start <= value && value <= self.end) == self.is_inverted
    }
}

impl FromStr for Range {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let (range, is_inverted) = match text.strip_prefix('@') {
            Some(range) => (range, true),
            None => (text, false),
        };
        let (start, end) = match range.split_once(':') {
            Some(("~", end)) => (f64::NEG_INFINITY, end),
            Some(("", end)) => (0.0, end),
            Some((start, end)) => (decimal(start).ok_or(RangeError::Form)?, end),
            None => (0.0, range),
        };
        let end = if end.is_empty() { f64::INFINITY } else { decimal(end).ok_or(RangeError::Form)? };
        if start > end {
            return Err(RangeError::Empty);
        }
        Ok(Self { start, end, is_inverted, text: text.to_owned() })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A number without an exponent.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().any(|byte| byte.is_ascii_digit());
    if is_decimal { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alerts(text: &str) -> Vec<f64> {
        let range: Range = text.parse().unwrap();
        [-1.0, 0.0, 9.9, 10.0, 15.0, 20.0, 20.1].into_iter().filter(|value| range.alerts(*value)).collect()
    }

    #[test]
    fn ends_belong_to_a_range_and_an_at_turns_it() {
        for (text, expected) in [
            ("10", &[-1.0, 15.0, 20.0, 20.1][..]),
            ("10:", &[-1.0, 0.0, 9.9]),
            (":10", &[-1.0, 15.0, 20.0, 20.1]),
            ("~:10", &[15.0, 20.0, 20.1]),
            ("10:20", &[-1.0, 0.0, 9.9, 20.1]),
            ("@10:20", &[10.0, 15.0, 20.0]),
            ("@10", &[0.0, 9.9, 10.0]),
            ("~:", &[]),
            ("@~:", &[-1.0, 0.0, 9.9, 10.0, 15.0, 20.0, 20.1]),
            ("", &[-1.0]),
            ("-1:-.5", &[0.0, 9.9, 10.0, 15.0, 20.0, 20.1]),
            ("10:10", &[-1.0, 0.0, 9.9, 15.0, 20.0, 20.1]),
        ] {
            assert_eq!(alerts(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_range() {
        for text in
            ["10 ", " 10", "1,5", "a", "10:20:30", "~", "10:~", "1e3", "@@1", "-", ".", "inf", "nan:", "@:a"]
        {
            assert_eq!(text.parse::<Range>(), Err(RangeError::Form), "{text}");
        }
        assert_eq!("20:10".parse::<Range>(), Err(RangeError::Empty));
        assert_eq!("-5".parse::<Range>(), Err(RangeError::Empty));
    }

    proptest! {
        #[test]
        fn a_range_comes_back_and_decides_as_it_says(start in -100..100_i32, length in 0..100_i32, value in -300..300_i32) {
            let end = start + length;
            let value = f64::from(value);
            let text = format!("{start}:{end}");
            let range: Range = text.parse().unwrap();
            prop_assert_eq!(range.to_string(), text.clone());
            let is_outside = value < f64::from(start) || value > f64::from(end);
            prop_assert_eq!(range.alerts(value), is_outside);
            prop_assert_eq!(format!("@{text}").parse::<Range>().unwrap().alerts(value), !is_outside);
        }

        #[test]
        fn noise_is_refused_or_decides(text in "[@~:0-9. e-]{0,12}", value: f64) {
            if let Ok(range) = text.parse::<Range>() {
                range.alerts(value);
            }
        }
    }
}
