//! URLs as people may see them.

/// A URL as it may be shown and logged: without the user and password that can stand before its host.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..authority_end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown_url("https://u:p@h:1/x@y"), "https://h:1/x@y");
        assert_eq!(shown_url("http://h/"), "http://h/");
        assert_eq!(shown_url("https://h?a@b"), "https://h?a@b");
    }
}
