//! Which of many short texts stand in a line: one pass for all of them, since nearly no line has any.

/// Up to 64 texts, of three bytes or more.
#[derive(Debug)]
pub(super) struct Phrases {
    texts: Vec<&'static str>,
    /// For each of a text's first three bytes, a bit for each text that has it there.
    by_byte: [[u64; 256]; HEAD],
}

/// Bytes of a text that are looked up before it is compared.
const HEAD: usize = 3;

impl Phrases {
    pub(super) fn new(texts: impl IntoIterator<Item = &'static str>) -> Self {
        let texts: Vec<_> = texts.into_iter().take(64).collect();
        let mut by_byte = [[0; 256]; HEAD];
        for (number, text) in texts.iter().enumerate() {
            for (byte, of_byte) in text.bytes().zip(&mut by_byte) {
                if let Some(bits) = of_byte.get_mut(usize::from(byte)) {
                    *bits |= 1 << number;
                }
            }
        }
        Self { texts, by_byte }
    }

    /// A bit for each that stands in the line, by their order.
    pub(super) fn found(&self, line: &str) -> u64 {
        let [first, second, third] = &self.by_byte;
        let has = |of_byte: &[u64; 256], byte: u8| of_byte.get(usize::from(byte)).copied().unwrap_or(0);
        let mut found = 0;
        for (at, head) in line.as_bytes().windows(HEAD).enumerate() {
            let &[a, b, c] = head else { continue };
            let candidates = has(first, a) & has(second, b) & has(third, c) & !found;
            if candidates != 0 {
                found |= self.at(candidates, line.as_bytes().get(at..).unwrap_or_default());
            }
        }
        found
    }

    /// Those of the candidates that the bytes begin with.
    fn at(&self, candidates: u64, bytes: &[u8]) -> u64 {
        let with_bits = self.texts.iter().enumerate().map(|(number, text)| (1 << number, text));
        let begun =
            with_bits.filter(|(bit, text)| candidates & bit != 0 && bytes.starts_with(text.as_bytes()));
        begun.fold(0, |found, (bit, _)| found | bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXTS: [&str; 6] = ["aba", "abab", "bba ", "aab", "ab\u{e9}", "b ab"];

    proptest! {
        #[test]
        fn as_many_searches(line in "[ab \u{e9}]{0,24}") {
            let found = Phrases::new(TEXTS).found(&line);
            for (number, text) in TEXTS.iter().enumerate() {
                prop_assert_eq!(found >> number & 1 == 1, line.contains(text), "{}", text);
            }
        }
    }
}
