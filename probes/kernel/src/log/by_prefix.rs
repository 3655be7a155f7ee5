//! What a text begins with, among many: lines are many, and nearly all begin with nothing of a table.

/// Values by the text that a line begins with. A longer text comes before a shorter one.
#[derive(Debug)]
pub(super) struct ByPrefix<T> {
    by_first_byte: Vec<Vec<Entry<T>>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    /// The second byte decides for nearly all that the first one lets pass.
    second: Option<u8>,
    text: &'static str,
    value: T,
}

impl<T: Copy> ByPrefix<T> {
    pub(super) fn new(all: impl Iterator<Item = (&'static str, T)>) -> Self {
        let mut by_first_byte: Vec<Vec<Entry<T>>> = (0..=u8::MAX).map(|_| Vec::new()).collect();
        for (text, value) in all {
            let first = text.bytes().next().map_or(0, usize::from);
            if let Some(entries) = by_first_byte.get_mut(first) {
                entries.push(Entry { second: text.as_bytes().get(1).copied(), text, value });
            }
        }
        by_first_byte
            .iter_mut()
            .for_each(|entries| entries.sort_by_key(|entry| std::cmp::Reverse(entry.text.len())));
        Self { by_first_byte }
    }

    /// Those that the line begins with.
    pub(super) fn all<'a>(&'a self, line: &'a str) -> impl Iterator<Item = (&'static str, T)> + 'a {
        let bytes = line.as_bytes();
        let first = bytes.first().map_or(0, |first| usize::from(*first));
        let second = bytes.get(1).copied();
        let entries = self.by_first_byte.get(first).map(Vec::as_slice).unwrap_or_default();
        let has_second = move |entry: &&Entry<T>| entry.second.is_none() || entry.second == second;
        let begun =
            entries.iter().filter(has_second).filter(|entry| bytes.starts_with(entry.text.as_bytes()));
        begun.map(|entry| (entry.text, entry.value))
    }
}
