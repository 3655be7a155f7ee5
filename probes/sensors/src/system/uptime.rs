//! `/proc/uptime`: `12345.67 23456.78`.

use crate::catalogue::UPTIME;
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{real, whole_lines};

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let uptime = parse(&source.proc("uptime")?);
    let uptime = uptime.ok_or_else(|| SensorError::Malformed("/proc/uptime".to_owned()))?;
    Ok(vec![Family::one(&UPTIME, Some(uptime))])
}

fn parse(text: &str) -> Option<f64> {
    real(whole_lines(text).next()?.split_ascii_whitespace().next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_a_whole_line() {
        assert_eq!(parse("12345.67 23456.78\n"), Some(12345.67));
        assert_eq!((parse("12345.67 234"), parse("\n"), parse("-1 1\n")), (None, None, None));
    }
}
