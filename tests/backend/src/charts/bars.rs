//! Columns, one above another where there are several series.

use super::COLOURS;
use super::scale::{Scale, short_number};
use super::svg::{Svg, cut};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers of the axis, for the value under the pointer, and for names.
const LEFT: f64 = 46.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 26.0;
const RIGHT: f64 = 8.0;

/// Names below the axis: more would overlap.
const NAMES: usize = 10;
const NAME_CHARS: usize = 12;
const VALUE_CHARS: usize = 100;

/// Columns.
#[derive(Clone, Copy, Debug)]
pub struct Bars<'a> {
    /// What it shows, for those who do not see it.
    pub label: &'a str,
    /// The names of the columns.
    pub names: &'a [String],
    /// Series of one value a column, with their names.
    pub series: &'a [(&'a str, Vec<u64>)],
}

impl Bars<'_> {
    /// The drawing.
    #[must_use]
    pub fn svg(&self) -> String {
        let total = |column: usize| -> u64 {
            self.series
                .iter()
                .filter_map(|(_, values)| values.get(column))
                .fold(0, |sum, value| sum.saturating_add(*value))
        };
        let largest = (0..self.names.len()).map(total).max().unwrap_or(0);
        let scale = Scale::new(largest as f64, true);
        let mut svg = Svg::new("chart", WIDTH, HEIGHT, self.label);
        axis(&mut svg, scale, (LEFT, WIDTH - RIGHT), (TOP, HEIGHT - BOTTOM));
        let slot = (WIDTH - LEFT - RIGHT) / self.names.len().max(1) as f64;
        for (column, name) in self.names.iter().enumerate() {
            let x = LEFT + slot * column as f64;
            let value = self.value(column, name);
            svg.open("slot", &value);
            svg.rect("hit", x, TOP, slot, HEIGHT - TOP - BOTTOM);
            self.column(&mut svg, scale, column, (x, slot));
            svg.text("tip", LEFT, TOP - 10.0, &cut(&value, VALUE_CHARS));
            svg.close();
        }
        name_columns(&mut svg, self.names, (LEFT, slot), HEIGHT - 8.0);
        svg.finish()
    }

    fn column(&self, svg: &mut Svg, scale: Scale, column: usize, (x, slot): (f64, f64)) {
        let height = HEIGHT - TOP - BOTTOM;
        let mut below = 0.0;
        for (number, (_, values)) in self.series.iter().enumerate() {
            let value = values.get(column).copied().unwrap_or(0);
            let part = scale.part(value as f64) * height;
            if value > 0 {
                // One of many thousands is to be seen too.
                let part = part.max(1.0);
                let class = format!("bar c{}", number.min(COLOURS - 1));
                svg.rect(&class, x + slot * 0.12, HEIGHT - BOTTOM - below - part, slot * 0.76, part);
                below += part;
            }
        }
    }

    /// What a column says.
    fn value(&self, column: usize, name: &str) -> String {
        let value = |values: &Vec<u64>| values.get(column).copied().unwrap_or(0);
        match self.series {
            [(_, values)] => format!("{name}: {}", value(values)),
            several => {
                let parts = several.iter().map(|(series, values)| format!("{series} {}", value(values)));
                format!("{name}: {}", parts.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The vertical axis with its marks.
pub(super) fn axis(svg: &mut Svg, scale: Scale, (left, right): (f64, f64), (top, bottom): (f64, f64)) {
    for mark in scale.marks() {
        let y = bottom - scale.part(mark) * (bottom - top);
        svg.line("grid", (left, y), (right, y));
        svg.text("mark", left - 6.0, y + 4.0, &short_number(mark));
    }
}

/// Names below the axis, as many as have room.
pub(super) fn name_columns(svg: &mut Svg, names: &[String], (left, slot): (f64, f64), y: f64) {
    let every = names.len().div_ceil(NAMES).max(1);
    for (column, name) in names.iter().enumerate().step_by(every) {
        svg.text("name", left + slot * (column as f64 + 0.5), y, &cut(name, NAME_CHARS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("n{number}")).collect()
    }

    #[test]
    fn a_column_is_as_high_as_its_value() {
        let names = names(3);
        let bars = Bars { label: "L", names: &names, series: &[("a", vec![50, 100, 0])] };
        let svg = bars.svg();
        let height = |value: f64| format!("height=\"{}\"", super::super::svg::at(value));
        assert!(svg.contains(&height(168.0)) && svg.contains(&height(84.0)), "{svg}");
        assert_eq!(svg.matches("class=\"bar c0\"").count(), 2, "nothing is drawn for 0");
        assert!(svg.contains("<title>n1: 100</title>") && svg.contains("aria-label=\"L\""), "{svg}");
    }

    #[test]
    fn series_stand_on_each_other() {
        let names = names(1);
        let series = [("in", vec![30]), ("out", vec![70])];
        let svg = Bars { label: "L", names: &names, series: &series }.svg();
        assert!(svg.contains("n0: in 30, out 70") && svg.contains("bar c1"), "{svg}");
    }

    #[test]
    fn nothing_many_and_hostile() {
        let empty = Bars { label: "", names: &[], series: &[] }.svg();
        assert!(empty.starts_with("<svg") && empty.ends_with("</svg>"));
        let many = names(400);
        let svg = Bars { label: "L", names: &many, series: &[("a", vec![1; 400])] }.svg();
        assert_eq!(svg.matches("class=\"name\"").count(), 10);
        let evil = ["</text><script>".repeat(600)];
        let svg = Bars { label: &evil[0], names: &evil, series: &[("<b>", vec![u64::MAX])] }.svg();
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("style="), "{svg}");
    }
}
