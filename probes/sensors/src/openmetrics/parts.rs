//! A sample that is longer than a record is parted, between families where it can be: each part is a text of its own, typed
//! and with an end, and says which it is of how many. What has no room in the last one is counted.

use super::{END, head, line};
use crate::catalogue::{SAMPLE_LEFT_OUT, SAMPLE_PART};
use crate::limits::{PART_BYTES, PARTS};
use crate::metric::{Family, Metric, Number, Sample};

/// A part that is being filled, without what every part has.
#[derive(Default)]
struct Part {
    text: String,
    /// The metric of its last line.
    metric: Option<&'static str>,
}

/// The texts, each of up to [`PART_BYTES`], [`PARTS`] at most.
pub fn parts(families: &[Family]) -> Vec<String> {
    let whole = super::text(families);
    if whole.len() <= PART_BYTES {
        return vec![whole];
    }
    let room = PART_BYTES - end(PARTS, PARTS, u64::MAX).len();
    let (parts, left_out) = fill(families, room);
    let of = parts.len();
    let text = |(index, part): (usize, Part)| {
        let left_out = if index + 1 == of { left_out } else { 0 };
        part.text + &end(index + 1, of, left_out)
    };
    parts.into_iter().enumerate().map(text).collect()
}

/// The parts, and how many series are in none.
fn fill(families: &[Family], room: usize) -> (Vec<Part>, u64) {
    let (mut parts, mut left_out) = (vec![Part::default()], 0);
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let metric = family.metric;
        let lines: Vec<_> = family.samples.iter().map(|sample| line(metric, sample)).collect();
        let length = head(metric).len() + lines.iter().map(String::len).sum::<usize>();
        // One that has room in a part by itself is in one.
        let has_room = parts.last().is_some_and(|part| part.text.len() + length <= room);
        if !has_room && length <= room && parts.len() < PARTS {
            parts.push(Part::default());
        }
        left_out += lines.iter().filter(|line| !add(&mut parts, metric, line, room)).count() as u64;
    }
    (parts, left_out)
}

/// Adds a line to the last part, or to a new one. Returns whether there was room.
fn add(parts: &mut Vec<Part>, metric: &Metric, line: &str, room: usize) -> bool {
    if parts.last_mut().is_some_and(|part| part.add(metric, line, room)) {
        return true;
    }
    if parts.len() >= PARTS || head(metric).len() + line.len() > room {
        return false;
    }
    parts.push(Part::default());
    parts.last_mut().is_some_and(|part| part.add(metric, line, room))
}

impl Part {
    fn add(&mut self, metric: &Metric, line: &str, room: usize) -> bool {
        let head = if self.metric == Some(metric.name) { String::new() } else { head(metric) };
        if self.text.len() + head.len() + line.len() > room {
            return false;
        }
        self.text.push_str(&head);
        self.text.push_str(line);
        self.metric = Some(metric.name);
        true
    }
}

/// What ends a part of several.
fn end(number: usize, of: usize, left_out: u64) -> String {
    let part = Sample::labelled("number", number.to_string(), 1_u64).and("of", of.to_string());
    let mut text = head(&SAMPLE_PART) + &line(&SAMPLE_PART, &part);
    if left_out > 0 {
        text += &head(&SAMPLE_LEFT_OUT);
        text += &line(&SAMPLE_LEFT_OUT, &Sample { labels: Vec::new(), value: Number::Whole(left_out) });
    }
    text + END
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{CPU_TIME, FILESYSTEM_USAGE, UPTIME};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn file_systems(count: usize, length: usize) -> Family {
        let point = |n: usize| format!("/{n:0length$}");
        let samples =
            (0..count).map(|n| Sample::labelled("mountpoint", point(n), n as u64).and("state", "used"));
        Family { metric: &FILESYSTEM_USAGE, samples: samples.collect() }
    }

    fn series(text: &str) -> Vec<&str> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter(|line| !line.starts_with("telemetry_sample_")).collect()
    }

    #[test]
    fn a_short_sample_is_one_text_that_says_nothing_of_parts() {
        let parts = parts(&[file_systems(20, 5)]);
        assert_eq!(parts.len(), 1);
        assert!(!parts[0].contains("telemetry_sample_part"));
    }

    #[test]
    fn parts_are_between_families_where_they_can_be() {
        let cpu = || Family::by(&CPU_TIME, "mode", [("user", Some(1_u64)), ("idle", Some(2))]);
        let parts =
            parts(&[file_systems(80, 5), cpu(), Family::one(&UPTIME, Some(5_u64)), file_systems(20, 500)]);
        assert_eq!(parts.len(), 3);
        assert!(parts[0].contains("mode=\"user\"") && parts[0].contains("\nsystem_uptime_seconds 5\n"));
        assert!(
            parts[0].contains("\ntelemetry_sample_part{number=\"1\",of=\"3\"} 1\n# EOF\n"),
            "{}",
            parts[0]
        );
        assert_eq!(parts[1].matches("# TYPE system_filesystem_usage_bytes gauge").count(), 1);
        assert!(parts[2].starts_with("# TYPE system_filesystem_usage_bytes gauge\n"), "{}", parts[2]);
    }

    #[test]
    fn what_is_beyond_the_last_part_is_counted() {
        let parts = parts(&[file_systems(400, 500), Family::one(&UPTIME, Some(5_u64))]);
        assert_eq!(parts.len(), PARTS);
        let kept: usize = parts.iter().map(|part| series(part).len()).sum();
        let last = parts.last().unwrap();
        assert!(
            last.contains(&format!("\ntelemetry_sample_left_out_series {}\n# EOF\n", 401 - kept)),
            "{last}"
        );
    }

    proptest! {
        #[test]
        fn every_series_is_in_one_part_or_counted(
            families in prop::collection::vec((0..300_usize, 1..9000_usize), 1..6)
        ) {
            let families: Vec<_> = families.into_iter()
                .map(|(count, length)| file_systems(count.min(2_000_000 / length), length)).collect();
            let all: usize = families.iter().map(|family| family.samples.len()).sum();
            let parts = parts(&families);
            prop_assert!(parts.len() <= PARTS);
            prop_assert!(parts.iter().all(|part| part.len() <= PART_BYTES && part.ends_with("\n# EOF\n") || part == "# EOF\n"));
            prop_assert!(parts.iter().all(|part| part.matches("# EOF").count() == 1));
            let kept: Vec<_> = parts.iter().flat_map(|part| series(part)).collect();
            let left_out = parts.last().unwrap().lines()
                .find_map(|line| line.strip_prefix("telemetry_sample_left_out_series ")?.parse::<usize>().ok());
            prop_assert_eq!(kept.len() + left_out.unwrap_or(0), all);
            if families.len() == 1 {
                prop_assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), kept.len());
            }
        }
    }
}
