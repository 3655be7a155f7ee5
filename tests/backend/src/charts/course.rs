//! The course of values over time: a line of means, and around it from the smallest to the largest.
//!
//! However many points there are, what is drawn stays small: points of equal stretches of time are one.

use super::COLOURS;
use super::bars::axis;
use super::figure::Figure;
use super::scale::{Scale, short_number};
use super::svg::{Svg, at, cut};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 26.0;
const RIGHT: f64 = 12.0;
const VALUE_CHARS: usize = 110;
const NAME_CHARS: usize = 24;

/// Points of a line: about one each two dots of a screen.
const POINTS: i64 = 360;

/// Places that show their values under the pointer, and rows of the table.
const SLOTS: i64 = 60;

/// Names below the axis.
const NAMES: i64 = 6;

/// Lines around which the range is drawn; those of more would cover each other.
const LINES_WITH_RANGE: usize = 2;

/// Values of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// When it begins, in Unix seconds.
    pub at_secs: i64,
    /// How many there are.
    pub count: u32,
    /// The smallest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// A line.
#[derive(Clone, Debug)]
pub struct CourseLine<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its values, ascending.
    pub stretches: Vec<Stretch>,
}

/// Lines over a time.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The heading.
    pub title: &'a str,
    /// From when to when, in Unix seconds.
    pub time: (i64, i64),
    /// Seconds from one value to the next; where none follows for three times as long the line has a gap.
    pub every_secs: i64,
    /// The lines.
    pub lines: &'a [CourseLine<'a>],
    /// How a time is written.
    pub show: fn(i64) -> String,
}

impl Course<'_> {
    /// The chart with its table.
    #[must_use]
    pub fn html(&self) -> String {
        let slots = self.slots();
        let times: Vec<String> = slots.iter().map(|(from, _)| (self.show)(*from)).collect();
        let values: Vec<Vec<Option<f64>>> = slots.iter().map(|slot| self.values(*slot)).collect();
        let cells = |values: &Vec<Option<f64>>| {
            values.iter().map(|value| value.map(short_number).unwrap_or_default()).collect::<Vec<_>>()
        };
        let is_known = |values: &&Vec<Option<f64>>| values.iter().any(Option::is_some);
        let rows = times.iter().zip(&values).filter(|(_, values)| is_known(values));
        let figure = Figure {
            title: self.title,
            svg: self.svg(&slots, &times, &values),
            head: "From",
            series: self.lines.iter().map(|line| line.name).collect(),
            rows: rows.map(|(time, values)| (time.as_str(), cells(values))).collect(),
        };
        figure.html()
    }

    fn svg(&self, slots: &[(i64, i64)], times: &[String], values: &[Vec<Option<f64>>]) -> String {
        let thinned: Vec<Vec<Stretch>> =
            self.lines.iter().map(|line| thin(&line.stretches, self.time, POINTS)).collect();
        let largest = thinned.iter().flatten().fold(0.0_f64, |largest, stretch| largest.max(stretch.max));
        let scale = Scale::new(largest, false);
        let mut svg = Svg::new("chart", WIDTH, HEIGHT, self.title);
        axis(&mut svg, scale, (LEFT, WIDTH - RIGHT), (TOP, HEIGHT - BOTTOM));
        for (number, stretches) in thinned.iter().enumerate() {
            self.draw(&mut svg, scale, number.min(COLOURS - 1), stretches);
        }
        for ((slot, time), values) in slots.iter().zip(times).zip(values) {
            let known =
                self.lines.iter().zip(values).filter_map(|(line, value)| Some((line.name, (*value)?)));
            let known: Vec<String> = known
                .map(|(name, value)| format!("{} {}", cut(name, NAME_CHARS), short_number(value)))
                .collect();
            let text = format!("{time}: {}", known.join(", "));
            let (left, right) = (self.x(slot.0), self.x(slot.1));
            svg.open("slot", &text);
            svg.rect("hit", left, TOP, right - left, HEIGHT - TOP - BOTTOM);
            svg.text("tip", LEFT, TOP - 10.0, &cut(&text, VALUE_CHARS));
            svg.close();
        }
        let every = self.length().div_euclid(NAMES).max(1);
        for number in 0..NAMES {
            let middle = self.time.0.saturating_add(every.saturating_mul(number)).saturating_add(every / 2);
            svg.text("name", self.x(middle), HEIGHT - 8.0, &(self.show)(middle));
        }
        svg.finish()
    }

    fn draw(&self, svg: &mut Svg, scale: Scale, colour: usize, stretches: &[Stretch]) {
        let y = |value: f64| HEIGHT - BOTTOM - scale.part(value) * (HEIGHT - TOP - BOTTOM);
        let place =
            |stretch: &Stretch, value: f64| format!("{} {}", at(self.x(stretch.at_secs)), at(y(value)));
        let longest = self.every_secs.max(self.length().div_euclid(POINTS)).saturating_mul(3);
        let follows = |one: &Stretch, next: &Stretch| next.at_secs.saturating_sub(one.at_secs) <= longest;
        let (mut line, mut range) = (String::new(), String::new());
        for part in stretches.chunk_by(follows) {
            let join = |points: Vec<String>| points.join("L");
            line.push_str(&format!("M{}", join(part.iter().map(|one| place(one, one.mean)).collect())));
            if let [only] = part {
                svg.circle(&format!("point c{colour}"), self.x(only.at_secs), y(only.mean), 2.0);
            }
            let around = part.iter().map(|one| place(one, one.max));
            let back = part.iter().rev().map(|one| place(one, one.min));
            range.push_str(&format!("M{}Z", join(around.chain(back).collect())));
        }
        if self.lines.len() <= LINES_WITH_RANGE && stretches.iter().any(|one| one.min < one.max) {
            svg.path(&format!("range c{colour}"), &range);
        }
        if !line.is_empty() {
            svg.path(&format!("line k{colour}"), &line);
        }
    }

    fn length(&self) -> i64 {
        self.time.1.saturating_sub(self.time.0).max(1)
    }

    fn x(&self, secs: i64) -> f64 {
        let part = secs.saturating_sub(self.time.0) as f64 / self.length() as f64;
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Equal parts of the time.
    fn slots(&self) -> Vec<(i64, i64)> {
        let every = self.length().div_euclid(SLOTS).max(self.every_secs).max(1);
        let end = self.time.1;
        let mut starts = Vec::new();
        let mut start = self.time.0;
        while start < end {
            let next = start.saturating_add(every);
            starts.push((start, next.min(end)));
            start = next;
        }
        starts
    }

    /// What each line is in a part of the time.
    fn values(&self, (from, until): (i64, i64)) -> Vec<Option<f64>> {
        let value = |line: &CourseLine<'_>| {
            let first = line.stretches.partition_point(|one| one.at_secs < from);
            let end = line.stretches.partition_point(|one| one.at_secs < until);
            joined(line.stretches.get(first..end)?).map(|one| one.mean)
        };
        self.lines.iter().map(value).collect()
    }
}

/// So many at most, over equal stretches of time.
fn thin(stretches: &[Stretch], (from, until): (i64, i64), most: i64) -> Vec<Stretch> {
    let length = until.saturating_sub(from).div_euclid(most).max(1);
    let number = |one: &Stretch| one.at_secs.saturating_sub(from).div_euclid(length);
    stretches.chunk_by(|one, other| number(one) == number(other)).filter_map(joined).collect()
}

/// Several as one; those that are no numbers are left out.
fn joined(stretches: &[Stretch]) -> Option<Stretch> {
    let mut good =
        stretches.iter().filter(|one| one.mean.is_finite() && one.min.is_finite() && one.max.is_finite());
    let first = *good.next()?;
    let join = |sum: Stretch, one: &Stretch| {
        let count = sum.count.saturating_add(one.count);
        let part = f64::from(one.count) / f64::from(count.max(1));
        Stretch {
            count,
            min: sum.min.min(one.min),
            max: sum.max.max(one.max),
            mean: sum.mean * (1.0 - part) + one.mean * part,
            ..sum
        }
    };
    Some(good.fold(first, join))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(at_secs: i64, value: f64) -> Stretch {
        Stretch { at_secs, count: 1, min: value, mean: value, max: value }
    }

    fn html(time: (i64, i64), lines: &[CourseLine<'_>]) -> String {
        Course { title: "T<", time, every_secs: 60, lines, show: |secs| format!("at {secs}") }.html()
    }

    #[test]
    fn a_line_has_gaps_a_range_and_a_table() {
        let mut stretches: Vec<Stretch> =
            (0..100).filter(|n| !(40..60).contains(n)).map(|n| point(n * 60, 5.0)).collect();
        stretches[10].max = 9.0;
        let html = html((0, 6000), &[CourseLine { name: "<b>", stretches }]);
        let path = html.split("class=\"line k0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert!(html.contains("class=\"range c0\"") && html.contains("at 600: &lt;b&gt; "), "{html}");
        assert!(
            html.contains("<th scope=\"row\">at 0</th>") && !html.contains("<b>") && !html.contains("T<")
        );
        assert!(!html.contains("<th scope=\"row\">at 2700</th>"), "nothing was known then");
    }

    #[test]
    fn nothing_at_all_is_an_empty_chart() {
        assert!(html((0, 0), &[]).contains("</svg>"));
        assert!(html((5, 6), &[CourseLine { name: "a", stretches: vec![] }]).contains("</svg>"));
    }

    proptest! {
        #[test]
        fn it_stays_small_and_keeps_the_extremes(points in proptest::collection::vec((0_i64..70_000_000, -1e9_f64..1e9), 1..3000)) {
            let mut points = points;
            points.sort_by_key(|(at, _)| *at);
            let stretches: Vec<Stretch> = points.iter().map(|(at, value)| point(*at, *value)).collect();
            let thinned = thin(&stretches, (0, 70_000_000), POINTS);
            prop_assert!(thinned.len() as i64 <= POINTS + 1);
            let most = |all: &[Stretch]| all.iter().fold(f64::MIN, |most, one| most.max(one.max));
            prop_assert_eq!(most(&thinned), most(&stretches));
            prop_assert_eq!(thinned.iter().map(|one| one.count as usize).sum::<usize>(), stretches.len());
            let mean = |all: &[Stretch]| all.iter().map(|one| one.mean * f64::from(one.count)).sum::<f64>() / points.len() as f64;
            prop_assert!((mean(&thinned) - mean(&stretches)).abs() < 1.0);
            let html = html((0, 70_000_000), &[CourseLine { name: "a", stretches }]);
            prop_assert!(html.len() < 80_000, "{}", html.len());
        }
    }
}
