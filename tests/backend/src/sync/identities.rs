//! Certificates that follow: each source is asked daily for its next one, and is given ours. Of one that authorities vouch for
//! (`sync_ca`) these say what it may show, and nothing that it announces counts; it knows us by our certificate all the same.
//!
//! ```text
//!  GET /v3/identity?has=-   ─▶ its next one is trusted beside the present one
//!  POST /v3/identity?has=F  ─▶ ours is, there; after a day with all sources it is shown. Without one of ours: GET
//! ```
//!
//! `has`: what we trust as the source's next one. Hearing of it is not enough: it may not be taken, or not be kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};

use super::client::{Answer, Link};
use super::fetching::Fetching;
use super::source::Source;
use crate::trust::{Announcement, Announcing, Fingerprint, Next, Stamp, keep, stamp};

/// Between two looks whether something is due.
const PAUSE: Duration = Duration::from_secs(2);

/// Between two exchanges where nothing has changed.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two tries where one failed.
const RETRY: Duration = Duration::from_secs(15 * 60);

/// What the last exchange was about, and when the next one is due if that is the same then.
type Done = (Fingerprint, Option<Next>, Vec<Fingerprint>, Instant);

/// Exchanges certificates with a source, until it is dropped.
pub async fn exchange_forever(fetching: Arc<Fetching>, source: Source) {
    let link = Link::new(source.clone(), Duration::from_secs(fetching.options.sync_timeout));
    let (mut done, mut said): (Option<Done>, Option<String>) = (None, None);
    loop {
        tokio::time::sleep(PAUSE).await;
        let (own, next, pins) = (fetching.fingerprint(), next(&fetching), fetching.pins(&source));
        let is_same = |(shown, of, by, _): &Done| (*shown, *of, by) == (own, next, &pins);
        let is_due = done.as_ref().is_none_or(|before| !is_same(before) || Instant::now() >= before.3);
        let is_trusted = !pins.is_empty() || fetching.options.sync_ca.is_some();
        if !is_trusted || !is_due {
            continue;
        }
        let result =
            exchange(&fetching, &source, &link, &pins, Announcement { fingerprint: own, next }).await;
        let pause = if result.is_ok() { DAY } else { RETRY };
        let failure = result.err();
        if let Some(text) = failure.as_ref().filter(|_| failure != said) {
            eprintln!("telem-collector: sync: certificates are not exchanged with {text}");
        }
        said = failure;
        // What was learned just now is no news at the next look.
        done = Some((own, next, fetching.pins(&source), Instant::now() + pause));
    }
}

/// Our next certificate, where it is of our own making.
fn next(fetching: &Fetching) -> Option<Next> {
    fetching.connecting.renewal()?.next()
}

/// Asks for theirs, and gives ours.
async fn exchange(
    fetching: &Arc<Fetching>,
    source: &Source,
    link: &Link,
    pins: &[Fingerprint],
    ours: Announcement,
) -> Result<(), String> {
    let tls = Arc::new(fetching.connecting.config(pins.to_vec()).map_err(|error| error.to_string())?);
    let (leaf, answer) = link.identity(&tls, Method::GET, None, String::new()).await?;
    let Some(theirs) = read(source, leaf, &answer)? else { return Ok(()) };
    let announced = theirs.next.map(|next| next.fingerprint).filter(|_| !pins.is_empty());
    if !pins.is_empty() {
        learn(fetching, source, leaf, announced).await?;
    }
    if announced.is_none() && ours.next.is_none() {
        return Ok(());
    }
    let (method, body) = ours.next.map_or((Method::GET, String::new()), |_| (Method::POST, ours.to_json()));
    let (leaf, answer) = link.identity(&tls, method, announced, body).await?;
    read(source, leaf, &answer)?;
    if let (StatusCode::OK, Some(renewal), Some(next)) =
        (answer.status, fetching.connecting.renewal(), ours.next)
    {
        renewal.note(&source.to_string(), next);
    }
    Ok(())
}

/// What follows a source's certificate is trusted beside that.
async fn learn(
    fetching: &Arc<Fetching>,
    source: &Source,
    leaf: Fingerprint,
    announced: Option<Fingerprint>,
) -> Result<(), String> {
    let trust = Arc::clone(&fetching.trust);
    let announcing = tokio::task::spawn_blocking(move || trust.announce(leaf, announced)).await;
    let announcing = announcing.map_err(|error| error.to_string())?;
    match announcing.map_err(|error| format!("{source}: {error}"))? {
        Announcing::Changed | Announcing::Known => Ok(()),
        Announcing::OfAnother | Announcing::TooMany => Err(format!(
            "{source}: its next certificate is not taken: another peer has announced it, or it announces too many; \
             `telem-collector trust list` shows them"
        )),
    }
}

/// What a source says of its certificates; none: it is too old to say anything.
fn read(source: &Source, leaf: Fingerprint, answer: &Answer) -> Result<Option<Announcement>, String> {
    match answer.status.as_u16() {
        200 => {}
        404 | 405 | 501 => return Ok(None),
        status => return Err(format!("{source}: it answers {status}")),
    }
    let theirs = Announcement::parse(&answer.body).map_err(|error| format!("{source}: {error}"))?;
    // Who stands in front of a collector passes on what that one says of another connection.
    if theirs.fingerprint != leaf {
        return Err(format!("{source}: it speaks of another certificate than the one that it shows"));
    }
    Ok(Some(theirs))
}

/// Looks after our next certificate, until it is dropped; and shows the one that is in the file.
pub async fn keep_own(fetching: Arc<Fetching>, sources: Vec<Source>) {
    let Some(renewal) = fetching.connecting.renewal().cloned() else { return };
    let peers: Vec<Vec<String>> = sources.iter().map(|source| vec![source.to_string()]).collect();
    let stamps = move |fetching: &Fetching| -> Vec<Stamp> {
        fetching.connecting.files().iter().map(|path| stamp(path)).collect()
    };
    let seen = Arc::new(std::sync::Mutex::new(stamps(&fetching)));
    let then = move |_is_used| {
        let now = stamps(&fetching);
        let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *seen != now {
            *seen = now;
            if let Err(error) = fetching.connecting.reload() {
                eprintln!("telem-collector: {error}; the certificate from before is shown further");
            }
        }
    };
    keep(renewal, move || peers.clone(), then).await;
}
