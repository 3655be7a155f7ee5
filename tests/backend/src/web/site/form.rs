//! HTML, JSON or CSV.

use axum::http::{HeaderMap, Uri, header};

use crate::filter::FilterError;

/// In which form a page is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Form {
    Html,
    Json,
    Csv,
}

impl Form {
    /// What `format` says, else what the client accepts, else HTML.
    pub(super) fn choose(format: Option<&str>, headers: &HeaderMap) -> Result<Self, FilterError> {
        match format {
            Some("html") => Ok(Self::Html),
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some(other) => Err(FilterError::new("format", other, "html, json or csv")),
            None => Ok(accepted(headers)),
        }
    }
}

/// Of the forms that a client accepts, the one that it prefers; of several that it likes equally, the first.
fn accepted(headers: &HeaderMap) -> Form {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best = (0.0, Form::Html);
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let form = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/json" => Form::Json,
            "text/csv" => Form::Csv,
            "text/html" | "application/xhtml+xml" | "text/*" | "*/*" => Form::Html,
            _ => continue,
        };
        let quality =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse().ok());
        if let Some(quality) = quality.filter(|quality: &f64| *quality > best.0) {
            best = (quality, form);
        }
    }
    best.1
}

/// Whether whoever sends this wants to read a page, and not to parse an answer.
pub(in crate::web) fn wants_html(uri: &Uri, headers: &HeaderMap) -> bool {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let format = pairs.into_iter().find(|(name, _)| name == "format").map(|(_, value)| value.into_owned());
    let is_page = uri.path().starts_with(super::FIRST);
    is_page && Form::choose(format.as_deref(), headers).unwrap_or(Form::Html) == Form::Html
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_parameter_wins_then_what_is_accepted() {
        for (format, accept, expected) in [
            (None, None, Form::Html),
            (None, Some("*/*"), Form::Html),
            (None, Some("application/json"), Form::Json),
            (None, Some("Application/JSON; charset=utf-8"), Form::Json),
            (None, Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Form::Html),
            (None, Some("text/html;q=0.5, application/json"), Form::Json),
            (None, Some("text/csv"), Form::Csv),
            (None, Some("image/png"), Form::Html),
            (Some("csv"), Some("application/json"), Form::Csv),
            (Some("html"), Some("application/json"), Form::Html),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(Form::choose(format, &headers), Ok(expected), "{format:?} {accept:?}");
        }
        let error = Form::choose(Some("xml"), &HeaderMap::new()).unwrap_err().to_string();
        assert!(error.starts_with("format is "), "{error}");
    }
}
