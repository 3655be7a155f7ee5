//! A chart with its heading, its legend, and the same as a table, for those who cannot see it and those who copy.

use super::COLOURS;
use super::svg::{cut, escape};

/// Rows of the table; a chart of more is read by its JSON.
const ROWS: usize = 500;
const NAME_CHARS: usize = 80;

/// A chart as part of a page.
#[derive(Clone, Debug)]
pub struct Figure<'a> {
    /// The heading.
    pub title: &'a str,
    /// The drawing.
    pub svg: String,
    /// What the first column of the table is.
    pub head: &'a str,
    /// The names of the series, which are the other columns.
    pub series: Vec<&'a str>,
    /// Rows: a name, and a value for each series.
    pub rows: Vec<(&'a str, Vec<String>)>,
}

impl Figure<'_> {
    /// HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let name = |name: &str| escape(&cut(name, NAME_CHARS));
        let mut html = format!("<figure><figcaption>{}</figcaption>", escape(self.title));
        if self.series.len() > 1 {
            html.push_str("<ul class=\"legend\">");
            for (number, series) in self.series.iter().enumerate() {
                html.push_str(&format!(
                    "<li><svg class=\"key\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"c{}\" width=\"10\" height=\"10\"/></svg> {}</li>",
                    number.min(COLOURS - 1),
                    name(series)
                ));
            }
            html.push_str("</ul>");
        }
        let region = escape(&format!("Chart: {}", self.title));
        html.push_str(&format!(
            "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{region}\">{}</div>",
            self.svg
        ));
        html.push_str("<details><summary>As a table</summary>");
        let region = escape(&format!("Table: {}", self.title));
        html.push_str(&format!(
            "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{region}\"><table><thead><tr>"
        ));
        html.push_str(&format!("<th scope=\"col\">{}</th>", escape(self.head)));
        for series in &self.series {
            html.push_str(&format!("<th scope=\"col\" class=\"number\">{}</th>", name(series)));
        }
        html.push_str("</tr></thead><tbody>");
        for (row, values) in self.rows.iter().take(ROWS) {
            html.push_str(&format!("<tr><th scope=\"row\">{}</th>", name(row)));
            for value in values {
                html.push_str(&format!("<td class=\"number\">{}</td>", escape(value)));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div></details></figure>");
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_drawing_says() {
        let figure = Figure {
            title: "Machines <1>",
            svg: "<svg></svg>".into(),
            head: "Day",
            series: vec!["in", "out"],
            rows: vec![("1 Jan", vec!["3".into(), "<4>".into()])],
        };
        let html = figure.html();
        for part in [
            "<figcaption>Machines &lt;1&gt;</figcaption>",
            "<th scope=\"row\">1 Jan</th><td class=\"number\">3</td><td class=\"number\">&lt;4&gt;</td>",
            "class=\"legend\"",
            "<svg></svg>",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("style="));
    }
}
