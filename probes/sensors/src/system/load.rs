//! `/proc/loadavg`: `0.10 0.20 0.30 1/523 12345`.

use crate::catalogue::LOAD;
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{real, whole_lines};

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let loads = parse(&source.proc("loadavg")?);
    let loads = loads.ok_or_else(|| SensorError::Malformed("/proc/loadavg".to_owned()))?;
    Ok(vec![Family::by(&LOAD, "minutes", ["1", "5", "15"].into_iter().zip(loads.map(Some)))])
}

/// Over 1, 5 and 15 minutes.
pub(crate) fn parse(text: &str) -> Option<[f64; 3]> {
    let mut words = whole_lines(text).next()?.split_ascii_whitespace().map(real);
    Some([words.next()??, words.next()??, words.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_averages_or_none() {
        assert_eq!(parse("0.10 1.25 12.00 1/523 9\n"), Some([0.1, 1.25, 12.0]));
        for text in ["", "0.10 1.25\n", "0.10 1.25 -1 1/5 9\n", "0.10 1.25 12.0"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
