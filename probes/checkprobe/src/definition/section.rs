//! The sections of a file, each with its keys and the lines where they are.

use super::{Fault, File, Keys, Wrong};

/// A section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) name: String,
    keys: Vec<(String, String, usize)>,
    /// The first line that is neither a key nor a comment.
    odd_line: Option<usize>,
}

/// The sections of a file. What stands before the first one is a fault.
pub(super) fn sections(file: &File, faults: &mut Vec<Fault>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (place, line) in file.text.lines().enumerate() {
        let (number, line) = (place + 1, line.trim());
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').unwrap_or_default().trim().to_owned();
            let file = file.name.clone();
            sections.push(Section { file, line: number, name, keys: Vec::new(), odd_line: None });
            continue;
        }
        match (sections.last_mut(), line.split_once('=')) {
            (Some(section), Some((key, value))) => {
                section.keys.push((key.trim().to_owned(), value.trim().to_owned(), number));
            }
            (Some(section), None) => {
                section.odd_line.get_or_insert(number);
            }
            (None, _) => {
                let text = "stands before the first [name]".to_owned();
                faults.push(Fault { file: file.name.clone(), line: number, text });
            }
        }
    }
    sections
}

impl Section {
    /// Where a key is; the section itself where it is not.
    pub(super) fn line_of(&self, key: &str) -> usize {
        let found = self.keys.iter().find(|(name, ..)| name == key);
        found.map_or(self.line, |(_, _, line)| *line)
    }

    /// The keys, each once.
    pub(super) fn keys(&self) -> Result<Keys, Wrong> {
        if let Some(line) = self.odd_line {
            return Err((line, "is not key=value".to_owned()));
        }
        for (place, (key, _, line)) in self.keys.iter().enumerate() {
            if self.keys.iter().take(place).any(|(earlier, ..)| earlier == key) {
                return Err((*line, format!("{key}= is there twice")));
            }
        }
        Ok(Keys { line: self.line, left: self.keys.clone() })
    }
}
