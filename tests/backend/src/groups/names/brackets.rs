//! Which bracket closes which, in names of C++ and Rust.

/// Symbols of operators that have brackets in them, longest first.
const OPERATORS: [&str; 11] = ["<<=", ">>=", "<=>", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"];

/// Where the bracket that `text` begins with is closed; none if it is not.
pub(super) fn closing(text: &str) -> Option<usize> {
    let mut open: Vec<char> = Vec::new();
    let (mut previous, mut skip_to) = (' ', 0);
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if let Some(symbol) = text.get(at..).and_then(operator) {
            skip_to = at.saturating_add(symbol);
            continue;
        }
        match c {
            '(' | '<' | '{' | '[' => open.push(c),
            // The arrow of `fn() -> T`, and a comparison.
            '>' if previous == '-' || open.last() != Some(&'<') => {}
            '>' => {
                open.pop();
            }
            ')' | '}' | ']' => {
                let opener = match c {
                    ')' => '(',
                    '}' => '{',
                    _ => '[',
                };
                // A `<` that is still open within was a comparison.
                while open.pop_if(|last| *last == '<').is_some() {}
                open.pop_if(|last| *last == opener)?;
            }
            _ => {}
        }
        if open.is_empty() {
            return Some(at);
        }
        previous = c;
    }
    None
}

/// Bytes of the name of an operator with brackets in it, if one stands here.
fn operator(text: &str) -> Option<usize> {
    const WORD: &str = "operator";
    let symbol = text.strip_prefix(WORD)?;
    let known = symbol_of_operator(symbol).or_else(|| symbol.starts_with("()").then_some("()"))?;
    Some(WORD.len().saturating_add(known.len()))
}

/// The symbol that stands here, if it has brackets in it.
pub(super) fn symbol_of_operator(text: &str) -> Option<&'static str> {
    OPERATORS.into_iter().find(|known| text.starts_with(known))
}

/// The two sides of a word that stands outside of all brackets.
pub(super) fn split_outside<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(behind) = rest.strip_prefix(word) {
            return Some((text.get(..at)?, behind));
        }
        let first = rest.chars().next()?;
        let length = if matches!(first, '(' | '<' | '{' | '[') {
            closing(rest)?.saturating_add(1)
        } else {
            first.len_utf8()
        };
        at = at.saturating_add(length);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_brackets() {
        for (text, expected) in [
            ("(a)", Some(2)),
            ("(a(b)c)d", Some(6)),
            ("<A<B> >::x", Some(6)),
            ("<fn() -> u8>::x", Some(11)),
            ("<(1>2)>", Some(6)),
            ("(a<b)", Some(4)),
            ("<&A::operator< >x", Some(15)),
            ("<&A::operator()>x", Some(15)),
            ("{lambda(A<int>)#1}::x", Some(17)),
            ("(", None),
            ("(a}", None),
            ("<a", None),
        ] {
            assert_eq!(closing(text), expected, "{text}");
        }
    }

    #[test]
    fn a_word_outside_of_brackets() {
        assert_eq!(split_outside("A<x as y> as B", " as "), Some(("A<x as y>", "B")));
        assert_eq!(split_outside("A<x as y>", " as "), None);
        assert_eq!(split_outside("A< as B", " as "), None);
        assert_eq!(split_outside("", " as "), None);
    }
}
