//! Files that pages need. They are in the program, and their addresses change with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::super::Problem;

const STYLE: &str = include_str!("../../../templates/style.css");
const ICON: &str = include_str!("../../../templates/icon.svg");

/// A year: a changed file has another address.
const CACHED: &str = "public, max-age=31536000, immutable";

/// The beginning of the digest of all files.
pub(super) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest([STYLE, ICON].concat());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

pub(super) async fn serve(Path(file): Path<String>) -> Result<Response, Problem> {
    let (kind, content) = match file.as_str() {
        "style.css" => ("text/css; charset=utf-8", STYLE),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(Problem::not_found("such file")),
    };
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHED)], content).into_response())
}
