//! Names of functions. Those of C++ and Rust templates run to thousands of bytes, of which the arguments are the
//! most and say the least.

use super::foreign::{CUT, clean, cut_end};

/// Kept where other parentheses are emptied: it is a part of the name.
const ANONYMOUS: &str = "(anonymous namespace)";

/// The name as a frame line may show it, whatever its length; none if nothing is left of it.
pub(super) fn shown(name: &str) -> Option<String> {
    // The module begins at the last ` - [`, which must be ours.
    Some(clean(name).replace(" - [", " -[")).filter(|name| !name.is_empty())
}

/// The name in at most this many bytes: parameters go first, then template arguments, then the end.
pub(crate) fn shorten(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let name = empty_groups(name, '(', ')');
    if name.len() <= limit {
        return name;
    }
    cut_end(&empty_groups(&name, '<', '>'), limit)
}

/// The name with `...` for what is in its outermost brackets of this kind; as it is where they do not pair.
fn empty_groups(name: &str, open: char, close: char) -> String {
    let mut emptied = String::with_capacity(name.len());
    let (mut depth, mut group_begin, mut previous) = (0_usize, 0, '\0');
    let mut rest_begin = 0;
    for (at, c) in name.char_indices() {
        if at < rest_begin {
            continue;
        }
        if let Some(length) = operator_length(name, at) {
            // `operator<` and its like: no bracket. Copied by whoever copies what is around it.
            rest_begin = at.saturating_add(length);
            if depth == 0 {
                emptied.push_str(name.get(at..rest_begin).unwrap_or_default());
            }
            continue;
        }
        // The arrow of `-> T` and of `fn() -> T`.
        let is_arrow = c == '>' && previous == '-';
        previous = c;
        if c == open {
            if depth == 0 {
                group_begin = at;
            }
            depth = depth.saturating_add(1);
        } else if c == close && !is_arrow {
            let Some(outer) = depth.checked_sub(1) else { return name.to_owned() };
            depth = outer;
            if depth == 0 {
                let group = name.get(group_begin..at.saturating_add(1)).unwrap_or_default();
                push_emptied(&mut emptied, group, open, close);
            }
        } else if depth == 0 {
            emptied.push(c);
        }
    }
    if depth == 0 { emptied } else { name.to_owned() }
}

fn push_emptied(text: &mut String, group: &str, open: char, close: char) {
    if group.len() <= CUT.len() || group == ANONYMOUS {
        text.push_str(group);
    } else {
        text.extend([open, '.', '.', '.', close]);
    }
}

/// Bytes of the name of an operator with brackets in it, if one stands here.
fn operator_length(name: &str, at: usize) -> Option<usize> {
    const WORD: &str = "operator";
    let symbol = name.get(at..)?.strip_prefix(WORD)?;
    let known = ["<<=", ">>=", "<=>", "->*", "<<", ">>", "<=", ">=", "->", "()", "<", ">"];
    known.iter().find(|known| symbol.starts_with(**known)).map(|known| WORD.len().saturating_add(known.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_before_template_arguments_and_those_before_the_name() {
        let name = "std::map<int, std::string>::insert<true>(std::pair<int, std::string> const&) const";
        for (limit, short) in [
            (name.len(), name),
            (name.len() - 1, "std::map<int, std::string>::insert<true>(...) const"),
            (50, "std::map<...>::insert<...>(...) const"),
            (37, "std::map<...>::insert<...>(...) const"),
            (20, "std::map<...>::(...)"),
            (8, "std(...)"),
        ] {
            assert_eq!(shorten(name, limit), short);
        }
    }

    #[test]
    fn what_looks_like_a_bracket_and_is_none() {
        for (name, parameters, arguments) in [
            ("operator<(Point, Point)", "operator<(...)", "operator<(Point, Point)"),
            ("a::operator<< <char>(b)", "a::operator<< <char>(b)", "a::operator<< <...>(b)"),
            ("a::operator()(Point&) const", "a::operator()(...) const", "a::operator()(Point&) const"),
            ("a::operator->() const", "a::operator->() const", "a::operator->() const"),
            ("f<fn(i32) -> u8>()", "f<fn(i32) -> u8>()", "f<...>()"),
            ("<Vec<T> as Drop>::drop", "<Vec<T> as Drop>::drop", "<...>::drop"),
            (
                "(anonymous namespace)::f(Point)",
                "(anonymous namespace)::f(...)",
                "(anonymous namespace)::f(Point)",
            ),
            ("f(a (*)(b))", "f(...)", "f(a (*)(b))"),
            ("damaged)(more", "damaged)(more", "damaged)(more"),
            ("damaged((more>", "damaged((more>", "damaged((more>"),
        ] {
            assert_eq!(empty_groups(name, '(', ')'), parameters);
            assert_eq!(empty_groups(name, '<', '>'), arguments);
        }
    }

    #[test]
    fn a_name_can_not_pretend_to_be_a_module() {
        assert_eq!(shown("f - [libc.so.6]").unwrap(), "f -[libc.so.6]");
        assert_eq!(shown("f -\n[x]").unwrap(), "f -[x]");
        assert_eq!(shown("\n"), None);
    }
}
