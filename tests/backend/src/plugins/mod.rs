//! Plug-ins without a compiler: files in the directory of `--plugins`, and some that ship.
//!
//! ```text
//!  NAME.parser   classes and patterns, or a program ─▶ named values of a record ─▶ v_values
//!  NAME.view     one SELECT over published views ────▶ a page: table, bars, lines, matrix
//! ```
//!
//! A parser:
//!
//! ```text
//! classes = ["org.clearlinux/swupd-client/update"]     # whole, or with * at the end
//! decode = "base64"                                    # optional: the payload in another form, which is shown too
//! patterns = ['(?m)^current_version=(?P<from>\d+)$']   # named groups are values
//! # program = "name"                                   # instead of patterns: an executable beside this file
//! ```
//!
//! A program gets lines `{"id": 1, "classification": "...", "payload": "..."}` and answers lines
//! `{"id": 1, "values": {"name": "value"}, "payload": "the payload in another form"}`, of which the last is optional. No
//! shell is between; its environment is empty, it has 5 seconds, 256 MiB, 1 MiB to answer in, and no network.
//!
//! A view:
//!
//! ```text
//! title = "Updates"
//! page = "updates"          # optional: views of one page stand together, in the order of their names
//! draw = "matrix"           # table (default), bars, lines, matrix
//! sql = "SELECT ..."
//! ```
//!
//! Files belong to root or the collector's user, and nobody else may write them. What is broken is named on the page
//! `collector`, and harms nothing else.

mod crowd;
mod files;
mod output;
mod parser;
mod program;
mod view;
mod work;

use std::path::Path;

pub use parser::Parser;
pub use view::{Draw, View};
pub use work::{Troubles, parse_forever};

/// Those that ship.
const SHIPPED: &[(&str, &str)] = &[
    ("mce.parser", include_str!("shipped/mce.parser")),
    ("mce-1-weeks.view", include_str!("shipped/mce-1-weeks.view")),
    ("mce-2-machines.view", include_str!("shipped/mce-2-machines.view")),
    ("mce-3-status.view", include_str!("shipped/mce-3-status.view")),
    ("mce-4-builds.view", include_str!("shipped/mce-4-builds.view")),
    ("mce-5-classes.view", include_str!("shipped/mce-5-classes.view")),
    ("thermal.view", include_str!("shipped/thermal.view")),
    ("updates.parser", include_str!("shipped/updates.parser")),
    ("updates.view", include_str!("shipped/updates.view")),
];

/// All plug-ins, and what is wrong with others.
#[derive(Debug, Default)]
pub struct Plugins {
    /// Parsers, by name.
    pub parsers: Vec<Parser>,
    /// Views, by name.
    pub views: Vec<View>,
    /// Files that are not used, and why.
    pub broken: Vec<Broken>,
}

/// A file that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub file: String,
    /// Why.
    pub reason: String,
}

impl Plugins {
    /// Those that ship, and those of a directory. A file with the name of one that ships takes its place.
    #[must_use]
    pub fn load(directory: Option<&Path>) -> Self {
        let mut plugins = Self::default();
        let found = directory.map(files::read).unwrap_or_default();
        plugins.broken.extend(found.broken);
        let is_replaced = |name: &str| found.texts.iter().any(|(other, _)| other == name);
        for (name, text) in SHIPPED.iter().filter(|(name, _)| !is_replaced(name)) {
            plugins.add(name, text, None);
        }
        for (name, text) in &found.texts {
            plugins.add(name, text, directory);
        }
        plugins.views.sort_by(|one, other| one.name.cmp(&other.name));
        plugins
    }

    /// `directory` is where its program is; none for those that ship.
    fn add(&mut self, file: &str, text: &str, directory: Option<&Path>) {
        let result = match file.rsplit_once('.') {
            Some((name, "parser")) => {
                Parser::parse(name, text, directory).map(|parser| self.parsers.push(parser))
            }
            Some((name, "view")) => {
                View::parse(name, text, directory.is_none()).map(|view| self.views.push(view))
            }
            _ => return,
        };
        if let Err(reason) = result {
            self.broken.push(Broken { file: file.to_owned(), reason });
        }
    }

    /// The pages of views: a name and a title each.
    #[must_use]
    pub fn pages(&self) -> Vec<(&str, &str)> {
        let mut pages: Vec<(&str, &str)> = Vec::new();
        for view in &self.views {
            if !pages.iter().any(|(page, _)| *page == view.page) {
                pages.push((&view.page, &view.title));
            }
        }
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_ship_are_whole() {
        let plugins = Plugins::load(None);
        assert_eq!(plugins.broken, []);
        assert_eq!((plugins.parsers.len(), plugins.views.len()), (2, 7));
        let pages: Vec<_> = plugins.pages().into_iter().map(|(page, _)| page).collect();
        assert_eq!(pages, ["mce", "thermal", "updates"]);
    }

    #[test]
    fn a_file_takes_the_place_of_one_that_ships_and_a_broken_one_harms_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write("updates.view", "title = \"Ours\"\nsql = \"SELECT 1\"\n");
        write("bad.view", "title = \"x\"\nsql = 5\n");
        write("bad.parser", "classes = [\"a/b/c\"]\npatterns = ['(']\n");
        write("notes.txt", "no plug-in");
        let plugins = Plugins::load(Some(directory.path()));
        let ours: Vec<_> = plugins.views.iter().filter(|view| view.name == "updates").collect();
        assert!(ours.len() == 1 && ours[0].title == "Ours" && !ours[0].ships, "{ours:?}");
        let mut broken: Vec<_> = plugins.broken.iter().map(|broken| broken.file.as_str()).collect();
        broken.sort_unstable();
        assert_eq!(broken, ["bad.parser", "bad.view"]);
        assert_eq!(plugins.parsers.len(), 2);
    }
}
