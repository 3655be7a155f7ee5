//! Lengths of time for people, in the two largest units that matter.

/// A number of seconds as `5 s`, `3 min`, `2 h 5 min`, `4 days 1 h`.
pub(crate) fn of_secs(secs: u64) -> String {
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    match () {
        () if secs < 60 => format!("{secs} s"),
        () if minutes < 60 => format!("{minutes} min"),
        () if hours < 24 => format!("{hours} h {} min", minutes % 60),
        () if days == 1 => format!("1 day {} h", hours % 24),
        () => format!("{days} days {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_units_are_shown() {
        for (secs, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h 0 min"),
            (7_500, "2 h 5 min"),
            (86_400, "1 day 0 h"),
            (351_000, "4 days 1 h"),
        ] {
            assert_eq!(of_secs(secs), text);
        }
    }
}
