//! When a disk is full: the slope of Theil and Sen, with a span.
//!
//! The slope is the median of the slopes between all pairs of points, so that neither a file that comes and goes nor the
//! teeth of log rotation turn it. The span is made of the quartiles of the same slopes.

/// What is looked at, in seconds up to the last point.
const WINDOW_SECS: i64 = 3 * 24 * 60 * 60;

/// Points that it takes, and the seconds that they have to cover.
const MIN_POINTS: usize = 12;
const MIN_SECS: i64 = 6 * 60 * 60;

/// Points that are compared; of more the middle ones of equal stretches are. Their pairs are some 10,000.
const MAX_POINTS: i64 = 144;

/// A jump up by this part of the size is somebody who made room: what was before says nothing any more.
const NEW_BEGINNING: f64 = 0.1;

/// What is further away is not shown, in seconds.
const HORIZON_SECS: i64 = 30 * 24 * 60 * 60;

/// A point: what was free at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// When, in Unix seconds.
    pub at_secs: i64,
    /// What is free, in bytes or any other unit.
    pub free: f64,
}

/// When something runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// When, in Unix seconds.
    pub at_secs: i64,
    /// From when on.
    pub earliest_secs: i64,
    /// Until when; none where it may well be never.
    pub latest_secs: Option<i64>,
}

/// When what is free of a size runs out, by the levels of the last days in any order. None where it does not within 30 days,
/// or too little is known.
#[must_use]
pub fn runs_out(levels: &[Level], size: f64, now_secs: i64) -> Option<Forecast> {
    let levels = thinned(&since_new_beginning(&sorted(levels), size));
    let (first, last) = (levels.first()?, levels.last()?);
    if levels.len() < MIN_POINTS || last.at_secs.saturating_sub(first.at_secs) < MIN_SECS {
        return None;
    }
    let mut slopes = slopes(&levels);
    let [steepest, middle, flattest] = [1, 2, 3].map(|quarter| quantile(&mut slopes, quarter));
    // What is left at the last point, by the line through the middle of all.
    let mut left: Vec<f64> =
        levels.iter().map(|level| level.free + middle * secs_between(level, last)).collect();
    let left = quantile(&mut left, 2).max(0.0);
    let when = |slope: f64| (slope < 0.0).then(|| left / -slope).filter(|secs| *secs < 1e15);
    // Below 10^15, so that it is a number of seconds.
    let after = |secs: f64| last.at_secs.saturating_add(secs as i64);
    let at_secs = after(when(middle)?.round());
    (at_secs < now_secs.saturating_add(HORIZON_SECS)).then(|| Forecast {
        at_secs,
        earliest_secs: when(steepest).map_or(at_secs, |secs| after(secs.floor())).min(at_secs),
        latest_secs: when(flattest).map(|secs| after(secs.ceil()).max(at_secs)),
    })
}

/// Those that are numbers, of the last days, in their order.
fn sorted(levels: &[Level]) -> Vec<Level> {
    let last = levels.iter().map(|level| level.at_secs).max().unwrap_or(0);
    let from = last.saturating_sub(WINDOW_SECS);
    let is_good = |level: &&Level| level.at_secs >= from && level.free.is_finite();
    let mut levels: Vec<Level> = levels.iter().filter(is_good).copied().collect();
    levels.sort_by_key(|level| level.at_secs);
    levels.dedup_by_key(|level| level.at_secs);
    levels
}

fn since_new_beginning(levels: &[Level], size: f64) -> Vec<Level> {
    let is_jump = |pair: &[Level]| match pair {
        [before, after] => after.free - before.free >= size * NEW_BEGINNING,
        _ => false,
    };
    let begin = levels.windows(2).rposition(is_jump).map_or(0, |at| at.saturating_add(1));
    levels.get(begin..).unwrap_or_default().to_vec()
}

/// Of each of equal stretches of time, the point whose level is in the middle.
fn thinned(levels: &[Level]) -> Vec<Level> {
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else { return Vec::new() };
    let length = last.at_secs.saturating_sub(first.at_secs).div_euclid(MAX_POINTS).saturating_add(1);
    let stretch = |level: &Level| level.at_secs.saturating_sub(first.at_secs).div_euclid(length);
    let middle = |stretch: &[Level]| {
        let mut stretch = stretch.to_vec();
        stretch.sort_by(|one, other| one.free.total_cmp(&other.free));
        stretch.get(stretch.len() / 2).copied()
    };
    levels.chunk_by(|one, other| stretch(one) == stretch(other)).filter_map(middle).collect()
}

/// Units a second, between each two.
fn slopes(levels: &[Level]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(levels.len().saturating_mul(levels.len()) / 2);
    for (at, one) in levels.iter().enumerate() {
        for other in levels.iter().skip(at.saturating_add(1)) {
            slopes.push((other.free - one.free) / secs_between(one, other));
        }
    }
    slopes
}

/// Seconds, of which there are some: no two points are at one time, and all within three days.
fn secs_between(one: &Level, other: &Level) -> f64 {
    other.at_secs.saturating_sub(one.at_secs) as f64
}

/// The value below which so many quarters of all are; 0 of none.
fn quantile(values: &mut [f64], quarters: usize) -> f64 {
    let at = values.len().saturating_sub(1).saturating_mul(quarters) / 4;
    if at >= values.len() {
        return 0.0;
    }
    let (_, value, _) = values.select_nth_unstable_by(at, f64::total_cmp);
    *value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fleet::Dice;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    const SIZE: f64 = 1e12;

    /// Points every so many seconds up to `now`.
    fn levels(now: i64, every: i64, over: i64, free: impl Fn(i64) -> f64) -> Vec<Level> {
        (0..=over / every)
            .map(|n| now - n * every)
            .map(|at_secs| Level { at_secs, free: free(at_secs) })
            .collect()
    }

    #[test]
    fn a_straight_line_is_known_to_the_second() {
        let (now, full) = (100 * DAY, 110 * DAY);
        let found = runs_out(&levels(now, 300, 3 * DAY, |at| (full - at) as f64 * 1e5), SIZE, now);
        assert_eq!(found, Some(Forecast { at_secs: full, earliest_secs: full, latest_secs: Some(full) }));
    }

    #[test]
    fn too_little_too_far_or_growing_is_nothing() {
        let now = 100 * DAY;
        let falling = |at: i64| (110 * DAY - at) as f64;
        for (levels, why) in [
            (vec![], "none"),
            (levels(now, HOUR, 10 * HOUR, falling), "11 points"),
            (levels(now, 60, 6 * HOUR - 60, falling), "less than 6 hours"),
            (levels(now, HOUR, 3 * DAY, |at| (131 * DAY - at) as f64), "in 31 days"),
            (levels(now, HOUR, 3 * DAY, |at| at as f64), "more and more is free"),
            (levels(now, HOUR, 3 * DAY, |_| 5.0), "nothing happens"),
            (levels(now, HOUR, 3 * DAY, |_| f64::NAN), "no numbers"),
        ] {
            assert_eq!(runs_out(&levels, SIZE, now), None, "{why}");
        }
        assert!(
            runs_out(&levels(now, HOUR, 11 * HOUR, falling), SIZE, now).is_some(),
            "12 points over 11 hours"
        );
    }

    #[test]
    fn a_jump_up_by_a_tenth_begins_anew() {
        let now = 100 * DAY;
        // A day ago somebody made room; since then it fills twice as fast.
        let size = 1000.0;
        let free = |made: f64| {
            move |at: i64| {
                let hours = (at - 99 * DAY) as f64 / HOUR as f64;
                if hours < 0.0 { 400.0 - hours } else { 400.0 + made - 2.0 * hours }
            }
        };
        let new = runs_out(&levels(now, 600, 3 * DAY, free(102.0)), size, now).unwrap();
        assert_eq!(new.at_secs, 99 * DAY + 251 * HOUR);
        let same = runs_out(&levels(now, 600, 3 * DAY, free(50.0)), size, now);
        assert_ne!(same, Some(new));
    }

    #[test]
    fn what_is_full_is_full_now() {
        let now = 100 * DAY;
        let found = runs_out(&levels(now, 600, DAY, |at| (now - at) as f64 - 1e4), SIZE, now).unwrap();
        assert_eq!(found.at_secs, now);
    }

    #[test]
    fn what_may_well_be_never_has_no_latest() {
        let now = 100 * DAY;
        // Falls a little while it goes up and down much.
        let free = |at: i64| (120 * DAY - at) as f64 + if (at / HOUR) % 2 == 0 { 0.0 } else { DAY as f64 };
        let found = runs_out(&levels(now, HOUR, DAY, free), SIZE, now);
        assert!(found.is_none_or(|found| found.latest_secs.is_none()), "{found:?}");
    }

    /// As the definition has it, without any thinning.
    fn model(levels: &[Level]) -> f64 {
        let mut slopes = Vec::new();
        for one in levels {
            for other in levels {
                if one.at_secs < other.at_secs {
                    slopes.push((other.free - one.free) / (other.at_secs - one.at_secs) as f64);
                }
            }
        }
        slopes.sort_by(f64::total_cmp);
        slopes[(slopes.len() - 1) / 2]
    }

    /// Disks whose truth is known: each fills at its own rate, under daily log rotation, a weekly one, files that come and go,
    /// and noise. Of the truth the forecast sees three days.
    #[test]
    fn half_are_within_a_tenth_and_nine_of_ten_inside_their_span() {
        let mut dice = Dice::new(16);
        let mut part = |from: f64, until: f64| {
            dice = dice.with(0);
            from + (until - from) * dice.unit()
        };
        let now = 1000 * DAY;
        let (mut shown, mut near, mut inside) = (0, 0, 0);
        for _ in 0..1000 {
            let (days, size) = (part(1.0, 25.0), 1e12);
            let full = now + (days * DAY as f64) as i64;
            let rate = part(0.005, 0.04) * size / DAY as f64;
            let (logs, phase) = (part(0.0, 0.6), part(0.0, 1.0));
            let noise = part(0.0, 0.1);
            let levels: Vec<Level> = (0..=3 * 288)
                .map(|n| {
                    let at_secs = now - n * 300;
                    let tooth = (at_secs as f64 / DAY as f64 + phase).fract() * logs;
                    let some = part(-1.0, 1.0) * noise + if part(0.0, 1.0) < 0.05 { -0.3 } else { 0.0 };
                    let free = ((full - at_secs) as f64 + (some - tooth) * DAY as f64) * rate;
                    Level { at_secs, free: free.clamp(0.0, size) }
                })
                .collect();
            let Some(found) = runs_out(&levels, size, now) else { continue };
            shown += 1;
            let off = (found.at_secs - full).abs() as f64 / (full - now) as f64;
            near += i32::from(off <= 0.1);
            let latest = found.latest_secs.unwrap_or(i64::MAX);
            inside += i32::from((found.earliest_secs..=latest).contains(&full));
        }
        println!("{shown} shown, {near} within a tenth, {inside} inside their span");
        assert!(shown >= 950, "{shown}");
        assert!(near * 2 >= shown, "{near} of {shown}");
        assert!(inside * 10 >= shown * 9, "{inside} of {shown}");
    }

    proptest! {
        #[test]
        fn the_slope_is_the_median_of_all(noise in proptest::collection::vec(-1e4_f64..1e4, 12..120), days in 1_i64..29) {
            let now = 100 * DAY;
            let mut points: Vec<Level> = noise.iter().enumerate().map(|(n, noise)| {
                let at_secs = now - n as i64 * HOUR / 2;
                Level { at_secs, free: (now + days * DAY - at_secs) as f64 + noise }
            }).collect();
            let slope = model(&points);
            let found = runs_out(&points, SIZE, now);
            if let Some(found) = found {
                prop_assert!(slope < 0.0);
                prop_assert!(found.earliest_secs <= found.at_secs && found.latest_secs.is_none_or(|latest| latest >= found.at_secs));
                let mut left: Vec<f64> = points.iter().map(|point| point.free + slope * (now - point.at_secs) as f64).collect();
                left.sort_by(f64::total_cmp);
                let at = now as f64 + left[(left.len() - 1) / 2].max(0.0) / -slope;
                prop_assert!((at - found.at_secs as f64).abs() <= 1.0, "{} {:?}", at, found);
            }
            // The order does not matter.
            points.reverse();
            prop_assert_eq!(runs_out(&points, SIZE, now), found);
        }

        #[test]
        fn nothing_breaks_it(points in proptest::collection::vec((any::<i64>(), any::<f64>()), 0..60), size: f64, now: i64) {
            let levels: Vec<Level> = points.into_iter().map(|(at_secs, free)| Level { at_secs, free }).collect();
            let _ = runs_out(&levels, size, now);
        }
    }
}
