//! Whether a source can be spoken with, for those who look for what is wrong: it is asked for the head of what it says of its
//! certificates, so that it does not take this collector for one that has learned the next one.

use std::time::Duration;

use axum::http::Method;

use super::client::Link;
use super::source::Source;
use crate::trust::{Connecting, Fingerprint};

/// The status with which a source answers. Blocks.
///
/// # Errors
/// For people: it does not answer, or is not the one that is trusted.
pub fn probe(
    connecting: &Connecting,
    source: &Source,
    pins: Vec<Fingerprint>,
    silence: Duration,
) -> Result<u16, String> {
    let tls = std::sync::Arc::new(connecting.config(pins).map_err(|error| error.to_string())?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let link = Link::new(source.clone(), silence);
    let asking = link.identity(&tls, Method::HEAD, None, String::new());
    let (_, answer) = runtime.map_err(|error| error.to_string())?.block_on(asking)?;
    Ok(answer.status.as_u16())
}
