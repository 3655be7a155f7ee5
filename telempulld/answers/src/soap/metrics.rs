//! Metrics as elements.

use crate::window::Summary;
use telemetry_xroad::xml::escaped;

/// Writes metrics, with one prefix.
pub(super) struct Writer<'a> {
    pub(super) prefix: &'a str,
    pub(super) text: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(prefix: &'a str) -> Self {
        Self { prefix, text: String::new() }
    }

    pub(super) fn open(&mut self, element: &str) {
        self.text.extend(["<", self.prefix, element, ">"]);
    }

    pub(super) fn close(&mut self, element: &str) {
        self.text.extend(["</", self.prefix, element, ">"]);
    }

    pub(super) fn element(&mut self, element: &str, content: &str) {
        self.open(element);
        self.text.push_str(&escaped(content));
        self.close(element);
    }

    /// A set that has something in it: one without is not valid.
    pub(super) fn open_set(&mut self, name: &str) {
        self.open("metricSet");
        self.element("name", name);
    }

    pub(super) fn close_set(&mut self) {
        self.close("metricSet");
    }

    pub(super) fn string(&mut self, name: &str, value: &str) {
        self.value("stringMetric", name, value);
    }

    /// What looks like a number is one: names of kinds are guessed from values, as X-Road does.
    pub(super) fn guessed(&mut self, name: &str, value: &str) {
        self.value(if is_number(value) { "numericMetric" } else { "stringMetric" }, name, value);
    }

    fn value(&mut self, kind: &str, name: &str, value: &str) {
        self.open(kind);
        self.element("name", name);
        self.element("value", value);
        self.close(kind);
    }

    pub(super) fn histogram(&mut self, name: &str, summary: &Summary, updated: &str) {
        let Summary { min, max, mean, median, stddev, .. } = *summary;
        self.open("histogramMetric");
        self.element("name", name);
        self.element("updated", updated);
        for (element, value) in
            [("min", min), ("max", max), ("mean", mean), ("median", median), ("stddev", stddev)]
        {
            self.element(element, &decimal(value));
        }
        self.close("histogramMetric");
    }
}

/// `-?[0-9]+(\.[0-9]+)?`: versions such as `0x1F`, `10L` and `1e5` are texts.
pub(super) fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

/// No count, size or share is smaller.
const TINY: f64 = 1e-6;

/// A value of a histogram: whole ones below 10^7 with `.0`, from there on without; never an exponent.
pub fn decimal(value: f64) -> String {
    match value {
        // What is left of a difference of equal numbers; a decimal of so many digits is more than readers take.
        value if !value.is_finite() || value.abs() < TINY => "0.0".to_owned(),
        value if value.fract() == 0.0 && value.abs() < 1e7 => format!("{value:.1}"),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_guessed_and_written() {
        for text in ["0", "-1", "2026", "1.10", "00.0", "8258998272"] {
            assert!(is_number(text), "{text}");
        }
        for text in
            ["", "-", "+1", ".5", "5.", "1e5", "0x1F", "10L", "1.2.3", " 1", "09:42", "1f", "NaN", "٣"]
        {
            assert!(!is_number(text), "{text}");
        }
        for (value, expected) in [
            (12.0, "12.0"),
            (0.0, "0.0"),
            (9_834_496.0, "9834496.0"),
            (10_207_232.0, "10207232"),
            (9_958_741.333333334, "9958741.333333334"),
            (48_241_516.01089568, "48241516.01089568"),
            (1e21, "1000000000000000000000"),
            (f64::NAN, "0.0"),
        ] {
            assert_eq!(decimal(value), expected);
        }
    }

    proptest! {
        #[test]
        fn every_value_is_a_decimal_that_reads_back(value in any::<f64>().prop_filter("finite", |value| value.is_finite())) {
            let text = decimal(value);
            prop_assert!(is_number(&text), "{}", text);
            prop_assert!(text.parse::<f64>().unwrap() == value || (text == "0.0" && value.abs() < TINY));
        }
    }
}
