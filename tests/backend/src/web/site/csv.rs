//! Records as CSV, in the form of the Flask backend.
//!
//! Every value is in double quotes; line breaks and what is no ASCII are written as escapes, so that a record is a line.
//! The file is made while it is sent: a thousand records are in memory, however many there are.

use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::Problem;
use super::ask::Ask;
use super::records::FILTERS;
use crate::filter::{Filter, Scope};
use crate::limits::MAX_RECORDS_ANSWERED;
use crate::record::StoredRecord;
use crate::storage::Store;

const HEAD: &str = "id,external,server_timestamp,severity,classification,build,machine_id,payload\n";

/// Records to be read in a browser; more are to be kept.
const INLINE_RECORDS: usize = 10_000;

/// Pieces that wait to be sent.
const PIECES: usize = 2;

pub(super) async fn export(ask: Ask, Path(file): Path<String>) -> Result<Response, Problem> {
    let stamp = file.strip_prefix("records-").and_then(|rest| rest.strip_suffix(".csv"));
    let is_stamp =
        |stamp: &&str| stamp.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte));
    let stamp = stamp.filter(is_stamp).ok_or_else(|| Problem::not_found("such export"))?;
    ask.knows(&[FILTERS, &["format_type"]])?;
    let wrong = |given: &str| {
        Problem::new(StatusCode::BAD_REQUEST, format!("format_type is {given:?}; allowed: inline or attach"))
    };
    let most = match ask.first("format_type") {
        Some("inline") => Some(INLINE_RECORDS),
        Some("attach") => None,
        other => return Err(wrong(&other.unwrap_or_default().chars().take(64).collect::<String>())),
    };
    let filter = Filter { limit: MAX_RECORDS_ANSWERED, ..Filter::parse(&ask.pairs, Scope::Page)? };
    let (pieces, received) = channel(PIECES);
    let (store, now_secs) = (ask.app.store.clone(), ask.now_secs);
    tokio::spawn(async move { write(&store, filter, most, now_secs, &pieces).await });
    let body = Body::new(Pieces(received));
    if most.is_some() {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response());
    }
    let attachment = format!("attachment; filename=\"export-{stamp}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, attachment),
    ];
    Ok((headers, body).into_response())
}

type Piece = Result<Frame<Bytes>, std::io::Error>;

/// Writes all records that match, newest first, until there are `most` or whoever reads is gone.
async fn write(
    store: &Store,
    mut filter: Filter,
    most: Option<usize>,
    now_secs: i64,
    pieces: &Sender<Piece>,
) {
    let mut text = HEAD.to_owned();
    let mut left = most.unwrap_or(usize::MAX);
    loop {
        let found = match store.select(filter.clone(), now_secs).await {
            Ok(found) => found,
            Err(error) => {
                // The connection breaks, so that nobody takes the part for the whole.
                let _ = pieces.send(Err(std::io::Error::other(error.to_string()))).await;
                return;
            }
        };
        let next = found.examined_to.or(found.records.last().map(|record| record.id));
        for record in found.records.iter().take(left) {
            line(&mut text, record);
        }
        left = left.saturating_sub(found.records.len());
        let piece = Frame::data(Bytes::from(std::mem::take(&mut text)));
        if pieces.send(Ok(piece)).await.is_err() || left == 0 {
            return;
        }
        match next {
            Some(next) => filter.before_id = Some(next),
            None => return,
        }
    }
}

fn line(out: &mut String, stored: &StoredRecord) {
    let record = &stored.record;
    let external = if record.external { "True" } else { "False" };
    let (id, received) = (stored.id.to_string(), stored.received_secs.to_string());
    let severity = record.severity.to_string();
    let values = [
        &id,
        external,
        &received,
        &severity,
        &record.classification,
        &record.build,
        &record.machine_id,
        &record.payload,
    ];
    for (at, value) in values.into_iter().enumerate() {
        out.push_str(if at == 0 { "\"" } else { ",\"" });
        escape(out, value);
        out.push('"');
    }
    out.push('\n');
}

fn escape(out: &mut String, value: &str) {
    for character in value.chars() {
        match (character, u32::from(character)) {
            ('"', _) => out.push_str("\"\""),
            ('\\', _) => out.push_str("\\\\"),
            ('\n', _) => out.push_str("\\n"),
            ('\r', _) => out.push_str("\\r"),
            ('\t', _) => out.push_str("\\t"),
            (_, 0x20..=0x7e) => out.push(character),
            // Writing to a string does not fail.
            (_, code @ 0..=0xff) => drop(write!(out, "\\x{code:02x}")),
            (_, code @ 0x100..=0xffff) => drop(write!(out, "\\u{code:04x}")),
            (_, code) => drop(write!(out, "\\U{code:08x}")),
        }
    }
}

/// A body whose pieces come one after the other.
struct Pieces(Receiver<Piece>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_line() {
        let mut out = String::new();
        escape(&mut out, "a \"b\"\\\n\r\té\u{2028}\u{1f600}\0");
        assert_eq!(out, "a \"\"b\"\"\\\\\\n\\r\\t\\xe9\\u2028\\U0001f600\\x00");
    }
}
