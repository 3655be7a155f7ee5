//! A text with some of its words replaced. Nearly no text has one to replace, and is not copied.

/// What is made of a text, from its beginning on.
#[derive(Debug)]
pub(super) struct Replaced<'a> {
    text: &'a str,
    /// None as long as nothing was replaced.
    shown: Option<String>,
    /// Up to here `shown` has what stands in `text`.
    copied: usize,
}

impl<'a> Replaced<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, shown: None, copied: 0 }
    }

    /// Puts `with` in the place of these bytes, which stand behind all that were replaced before.
    pub(super) fn replace(&mut self, from: usize, to: usize, with: &str) {
        let text = self.text;
        let shown = self.shown.get_or_insert_with(|| String::with_capacity(text.len() + with.len()));
        shown.push_str(text.get(self.copied..from).unwrap_or_default());
        shown.push_str(with);
        self.copied = to;
    }

    /// The whole text; none if nothing was replaced.
    pub(super) fn finish(mut self) -> Option<String> {
        if let Some(shown) = &mut self.shown {
            shown.push_str(self.text.get(self.copied..).unwrap_or_default());
        }
        self.shown
    }
}

/// How far the bytes are of this kind.
pub(super) fn run(bytes: &[u8], is_of: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_of(*byte)).unwrap_or(bytes.len())
}
