//! `/proc/pressure/*`, since Linux 4.20: `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, in microseconds.

use crate::catalogue::PRESSURE;
use crate::error::SensorError;
use crate::metric::{Family, Sample};
use crate::source::Source;
use crate::text::{whole, whole_lines};

const MICROSECONDS: f64 = 1e6;

const KINDS: [&str; 2] = ["some", "full"];

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let mut samples = Vec::new();
    for resource in ["cpu", "memory", "io"] {
        if let Some(text) = source.proc_if_there(&format!("pressure/{resource}"))? {
            let sample = |(kind, total): (&'static str, u64)| {
                Sample::labelled("resource", resource, total as f64 / MICROSECONDS).and("kind", kind)
            };
            samples.extend(parse(&text).into_iter().map(sample));
        }
    }
    Ok(vec![Family { metric: &PRESSURE, samples }])
}

/// Each kind once.
fn parse(text: &str) -> Vec<(&'static str, u64)> {
    let total = |kind: &str| {
        let line = whole_lines(text).find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
        line.split_ascii_whitespace().find_map(|word| whole(word.strip_prefix("total=")?))
    };
    KINDS.into_iter().filter_map(|kind| Some((kind, total(kind)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_by_kind() {
        let text = "some avg10=0.18 avg60=0.05 avg300=0.61 total=798790845\nfull avg10=0 total=5\n";
        assert_eq!(parse(text), [("some", 798_790_845), ("full", 5)]);
        assert_eq!(parse("some total=7\n"), [("some", 7)]);
        assert_eq!(parse("some total=\nfuller total=1\nfull total=12"), []);
    }
}
