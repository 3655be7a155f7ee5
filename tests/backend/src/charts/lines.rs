//! Lines over days, with the interval that each value may be in.

use super::COLOURS;
use super::bars::{axis, name_columns};
use super::scale::{Scale, short_number};
use super::svg::{Svg, at, cut};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 26.0;
const RIGHT: f64 = 12.0;
const VALUE_CHARS: usize = 110;

/// Lines whose intervals are drawn; those of more would cover each other.
const LINES_WITH_INTERVALS: usize = 2;

/// A value, and from where to where it may well be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The value.
    pub value: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
}

/// A line: a point for each name, or none where nothing is known.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its points.
    pub points: Vec<Option<Point>>,
}

/// Lines.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    /// What they show, for those who do not see it.
    pub label: &'a str,
    /// The names below the axis.
    pub names: &'a [String],
    /// The lines.
    pub lines: &'a [Line<'a>],
    /// Whether all values are whole numbers.
    pub whole: bool,
}

impl Lines<'_> {
    /// The drawing.
    #[must_use]
    pub fn svg(&self) -> String {
        let points = self.lines.iter().flat_map(|line| line.points.iter().flatten());
        // The intervals of few machines are wide: they may leave the drawing, the values may not.
        let largest = points.fold(0.0_f64, |largest, point| {
            let high = point.interval.map_or(point.value, |(_, high)| high.min(point.value * 2.0));
            largest.max(point.value).max(high)
        });
        let scale = Scale::new(largest, self.whole);
        let mut svg = Svg::new("chart", WIDTH, HEIGHT, self.label);
        axis(&mut svg, scale, (LEFT, WIDTH - RIGHT), (TOP, HEIGHT - BOTTOM));
        let slot = (WIDTH - LEFT - RIGHT) / self.names.len().max(1) as f64;
        let with_intervals = self.lines.len() <= LINES_WITH_INTERVALS;
        for (number, line) in self.lines.iter().enumerate() {
            let place = Place { scale, slot, with_intervals };
            draw(&mut svg, place, number.min(COLOURS - 1), line);
        }
        for (column, name) in self.names.iter().enumerate() {
            let value = self.value(column, name);
            svg.open("slot", &value);
            svg.rect("hit", LEFT + slot * column as f64, TOP, slot, HEIGHT - TOP - BOTTOM);
            let x = LEFT + slot * (column as f64 + 0.5);
            svg.line("pointer", (x, TOP), (x, HEIGHT - BOTTOM));
            svg.text("tip", LEFT, TOP - 10.0, &cut(&value, VALUE_CHARS));
            svg.close();
        }
        name_columns(&mut svg, self.names, (LEFT, slot), HEIGHT - 8.0);
        svg.finish()
    }

    fn value(&self, column: usize, name: &str) -> String {
        let values = self.lines.iter().filter_map(|line| {
            let point = line.points.get(column).copied().flatten()?;
            Some(format!("{} {}", cut(line.name, 24), short_number(point.value)))
        });
        format!("{name}: {}", values.collect::<Vec<_>>().join(", "))
    }
}

/// Where a line is drawn.
#[derive(Clone, Copy)]
struct Place {
    scale: Scale,
    slot: f64,
    with_intervals: bool,
}

fn draw(svg: &mut Svg, Place { scale, slot, with_intervals }: Place, colour: usize, line: &Line<'_>) {
    let x = |column: usize| LEFT + slot * (column as f64 + 0.5);
    let y = |value: f64| HEIGHT - BOTTOM - scale.part(value) * (HEIGHT - TOP - BOTTOM);
    let mut path = String::new();
    let mut joins = false;
    for (column, point) in line.points.iter().enumerate() {
        let Some(point) = point else {
            joins = false;
            continue;
        };
        if let Some((low, high)) = point.interval.filter(|_| with_intervals) {
            svg.line(&format!("interval k{colour}"), (x(column), y(low)), (x(column), y(high)));
        }
        svg.circle(&format!("point c{colour}"), x(column), y(point.value), 2.5);
        path.push_str(if joins { "L" } else { "M" });
        path.push_str(&format!("{} {}", at(x(column)), at(y(point.value))));
        joins = true;
    }
    if !path.is_empty() {
        svg.path(&format!("line k{colour}"), &path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(value: f64) -> Option<Point> {
        Some(Point { value, interval: None })
    }

    #[test]
    fn a_line_has_gaps_where_nothing_is_known() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        let lines = [Line { name: "v1", points: vec![point(1.0), point(2.0), None, point(0.5)] }];
        let svg = Lines { label: "L", names: &names, lines: &lines, whole: false }.svg();
        let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert!(svg.contains("<title>b: v1 2</title>") && svg.contains("<title>c: </title>"), "{svg}");
    }

    #[test]
    fn a_wide_interval_does_not_flatten_the_rest() {
        let names = vec!["a".to_owned()];
        let wide = Some(Point { value: 1.0, interval: Some((0.0, 1000.0)) });
        let lines = [Line { name: "<i>", points: vec![wide] }];
        let svg = Lines { label: "L", names: &names, lines: &lines, whole: false }.svg();
        assert!(svg.contains(">2</text>") && !svg.contains("1000") && !svg.contains("<i>"), "{svg}");
    }

    #[test]
    fn no_lines_at_all() {
        let svg = Lines { label: "L", names: &[], lines: &[], whole: true }.svg();
        assert!(svg.ends_with("</svg>"));
    }
}
