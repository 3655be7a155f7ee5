//! Small drawings within a row.

use super::svg::Svg;

const SLOT: f64 = 7.0;
const HEIGHT: f64 = 26.0;
const SHARE_WIDTH: f64 = 80.0;
const SHARE_HEIGHT: f64 = 8.0;

/// Bars without an axis; the highest is as high as the row. `names` show where the pointer rests.
#[must_use]
pub fn spark(names: &[String], values: &[u64]) -> String {
    let largest = values.iter().copied().max().unwrap_or(0);
    let sum = values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value));
    let label = format!("{} days, largest {largest}, sum {sum}", values.len());
    let mut svg = Svg::new("spark", SLOT * values.len().max(1) as f64, HEIGHT, &label);
    for (column, value) in values.iter().enumerate() {
        let x = SLOT * column as f64;
        let name = names.get(column).map_or("", String::as_str);
        svg.open("slot", &format!("{name}: {value}"));
        svg.rect("hit", x, 0.0, SLOT, HEIGHT);
        if *value > 0 {
            let part = (*value as f64 / largest as f64 * (HEIGHT - 2.0)).max(1.5);
            svg.rect("bar c0", x + 0.8, HEIGHT - 1.0 - part, SLOT - 1.6, part);
        }
        svg.close();
    }
    svg.line("base", (0.0, HEIGHT - 0.5), (SLOT * values.len() as f64, HEIGHT - 0.5));
    svg.finish()
}

/// A bar as long as a part of 1.
#[must_use]
pub fn share(part: f64) -> String {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let mut svg = Svg::new("share", SHARE_WIDTH, SHARE_HEIGHT, &format!("{:.1} %", part * 100.0));
    svg.rect("track", 0.0, 0.0, SHARE_WIDTH, SHARE_HEIGHT);
    svg.rect("bar c0", 0.0, 0.0, SHARE_WIDTH * part, SHARE_HEIGHT);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_anything_have_no_bar() {
        let names: Vec<String> = ["1 Jan", "2 Jan", "3 Jan"].map(str::to_owned).into();
        let svg = spark(&names, &[0, 4, 2]);
        assert_eq!(svg.matches("bar c0").count(), 2, "{svg}");
        assert!(svg.contains("<title>2 Jan: 4</title>") && svg.contains("largest 4, sum 6"), "{svg}");
        assert_eq!(spark(&[], &[0; 14]).matches("bar c0").count(), 0);
    }

    #[test]
    fn a_share_is_within_its_track() {
        for (part, width) in [(0.5, "40"), (0.0, "0"), (7.0, "80"), (f64::NAN, "0")] {
            assert!(share(part).contains(&format!("bar c0\" x=\"0\" y=\"0\" width=\"{width}\"")), "{part}");
        }
    }
}
