//! A view: a title, a SELECT, and how it is drawn.

use serde::Deserialize;

/// How a view is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// As it is.
    #[default]
    Table,
    /// The first column names the columns, the others are their values.
    Bars,
    /// The first column names the places, the others are lines.
    Lines,
    /// Row, column, and what stands there.
    Matrix,
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The name of its file.
    pub name: String,
    /// The page that it is on.
    pub page: String,
    /// Its heading.
    pub title: String,
    /// What else there is to say.
    pub note: String,
    /// The query.
    pub sql: String,
    /// How it is drawn.
    pub draw: Draw,
    /// Whether it ships, and is trusted.
    pub ships: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    title: String,
    page: Option<String>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    draw: Draw,
    sql: String,
}

const TITLE_CHARS: usize = 100;

impl View {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str, text: &str, ships: bool) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let page = raw.page.unwrap_or_else(|| name.to_owned());
        let is_name = |name: &str| {
            !name.is_empty()
                && name.len() <= 64
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !is_name(&page) || !is_name(name) {
            return Err("name and page have 1 to 64 letters, digits, - and _".to_owned());
        }
        if raw.title.trim().is_empty() || raw.title.chars().count() > TITLE_CHARS {
            return Err(format!("title has 1 to {TITLE_CHARS} characters"));
        }
        let begins = raw.sql.trim_start().get(..6).unwrap_or_default().to_ascii_uppercase();
        if begins != "SELECT" && !begins.starts_with("WITH") {
            return Err("sql is one SELECT".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            page,
            title: raw.title,
            note: raw.note,
            sql: raw.sql.trim().trim_end_matches(';').to_owned(),
            draw: raw.draw,
            ships,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_read_and_a_wrong_one_says_why() {
        let view = View::parse(
            "v",
            "title = \"T\"\ndraw = \"matrix\"\nsql = \"WITH a AS (SELECT 1) SELECT * FROM a;\"",
            false,
        )
        .unwrap();
        assert_eq!((view.page.as_str(), view.draw, view.sql.ends_with('a')), ("v", Draw::Matrix, true));
        for (text, why) in [
            ("", "title"),
            ("title = \"T\"", "sql"),
            ("title = \"T\"\nsql = \"DELETE FROM records\"", "SELECT"),
            ("title = \"T\"\nsql = \"SELECT 1\"\ndraw = \"pie\"", "pie"),
            ("title = \"T\"\nsql = \"SELECT 1\"\ncolour = 1", "colour"),
            ("title = \"\"\nsql = \"SELECT 1\"", "title"),
            ("title = \"T\"\nsql = \"SELECT 1\"\npage = \"../x\"", "page"),
        ] {
            let error = View::parse("v", text, false).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
