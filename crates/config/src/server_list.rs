//! Lists of URLs: `server`, `server_copy`.
//!
//! ```text
//! server=https://one/v3/collector, https://two/a,b/v3/collector http://three/
//! ```
//!
//! Blanks part URLs; a comma does only where `http://` or `https://` follows, since it may stand in a path.

use crate::allowed::Allowed;
use crate::server_url::{HttpUrl, ServerUrl};

/// Longest list: each server has a wait and a line in the status of its own.
const SERVERS: usize = 16;

const SCHEMES: [&str; 2] = ["http://", "https://"];

/// Up to 16 URLs; none is allowed. One that stands twice counts once.
pub(crate) struct HttpUrls;

impl Allowed<Vec<ServerUrl>> for HttpUrls {
    fn parse(&self, text: &str) -> Option<Vec<ServerUrl>> {
        let mut urls = Vec::new();
        for part in parts(text) {
            let url = HttpUrl.parse(part)?;
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        (urls.len() <= SERVERS).then_some(urls)
    }

    fn describe(&self) -> String {
        HttpUrl.describe()
    }

    /// One URL without a scheme, as the C programs took it; a list is not theirs.
    fn meant(&self, text: &str) -> Option<String> {
        let mut parts = parts(text);
        let first = parts.next()?;
        if parts.next().is_some() { None } else { HttpUrl.meant(first) }
    }

    fn shown(&self, text: &str) -> String {
        parts(text).map(|part| HttpUrl.shown(part)).collect::<Vec<_>>().join(" ")
    }
}

/// The URLs of a list, right or wrong.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| {
        let mut ends: Vec<_> = word.match_indices(',').map(|(at, _)| at).collect();
        ends.retain(|at| word.get(at + 1..).is_some_and(begins_with_scheme));
        let starts = std::iter::once(0).chain(ends.iter().map(|at| at + 1)).collect::<Vec<_>>();
        let ends = ends.into_iter().chain([word.len()]);
        let parts = starts.into_iter().zip(ends).filter_map(|(start, end)| word.get(start..end));
        // As in `one, two`.
        parts.map(|part| part.trim_end_matches(',')).filter(|part| !part.is_empty()).collect::<Vec<_>>()
    })
}

fn begins_with_scheme(text: &str) -> bool {
    SCHEMES
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Option<Vec<String>> {
        let urls = HttpUrls.parse(text)?;
        Some(urls.iter().map(|url| url.with_password().to_owned()).collect())
    }

    #[test]
    fn blanks_part_urls_and_commas_before_a_scheme_do() {
        for (text, expected) in [
            ("", &[][..]),
            ("http://a/", &["http://a/"]),
            ("http://a/,b http://c/", &["http://a/,b", "http://c/"]),
            ("http://a/,HTTPS://b/x,y", &["http://a/", "HTTPS://b/x,y"]),
            ("http://a/, http://b/ ,http://c/", &["http://a/", "http://b/", "http://c/"]),
            ("http://a/ http://a/\thttp://b/", &["http://a/", "http://b/"]),
            ("https://u:p,w@a/", &["https://u:p,w@a/"]),
        ] {
            assert_eq!(urls(text).unwrap(), expected, "{text}");
        }
        for wrong in ["http://a/ ftp://b/", "http://", "a b", "http://a/,ftp://b/ x"] {
            assert_eq!(urls(wrong), None, "{wrong}");
        }
        let many: Vec<_> = (0..=SERVERS).map(|n| format!("http://h{n}/")).collect();
        assert!(urls(&many.join(" ")).is_none() && urls(&many[1..].join(",")).is_some());
    }

    #[test]
    fn what_the_c_programs_took_is_taken_and_no_password_is_shown() {
        assert_eq!(HttpUrls.meant("h/v2/collector").as_deref(), Some("http://h/v2/collector"));
        assert_eq!(HttpUrls.meant("https://a/ b"), None);
        assert_eq!(HttpUrls.meant("ftp://b/"), None);
        assert_eq!(HttpUrls.shown("https://u:secret@a/,http://v:secret@b/"), "https://a/ http://b/");
        assert!(!HttpUrls.shown("ftp://u:secret@a/ http:/u:secret@b").contains("secret"));
    }
}
