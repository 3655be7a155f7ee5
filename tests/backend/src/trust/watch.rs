//! Takes what files of trust say, once they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use telemetry_tls::{Stamp, stamp};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::peers::Trust;
use super::tls::Tls;

/// Between two looks at the files: a change is in force within two seconds.
const PAUSE: Duration = Duration::from_secs(1);

/// Reloads the lists and our certificate whenever a file changes or SIGHUP comes. Does not end by itself. From the call
/// on, SIGHUP does not kill the process.
///
/// # Errors
/// If SIGHUP cannot be waited for.
pub fn watch_files(
    trust: Arc<Trust>,
    tls: Option<Arc<Tls>>,
) -> std::io::Result<impl Future<Output = ()> + Send> {
    let hangup = signal(SignalKind::hangup())?;
    Ok(watch(trust, tls, hangup))
}

async fn watch(trust: Arc<Trust>, tls: Option<Arc<Tls>>, mut hangup: Signal) {
    let files = files(&trust, tls.as_deref());
    let mut before = None;
    loop {
        let is_asked = tokio::select! {
            () = tokio::time::sleep(PAUSE) => false,
            _ = hangup.recv() => true,
        };
        let (trust, tls, files) = (Arc::clone(&trust), tls.clone(), files.clone());
        // Files may lie where reading takes its time.
        let look = move || {
            let now: Vec<Stamp> = files.iter().map(|path| stamp(path)).collect();
            if is_asked || before.as_ref().is_none_or(|before| *before != now) {
                reload(&trust, tls.as_deref());
            } else {
                trust.reload_local();
            }
            now
        };
        before = tokio::task::spawn_blocking(look).await.ok();
    }
}

fn files(trust: &Trust, tls: Option<&Tls>) -> Vec<PathBuf> {
    let of_tls = tls.map(Tls::files).unwrap_or_default();
    trust.files().map(Path::to_path_buf).chain(of_tls).collect()
}

fn reload(trust: &Trust, tls: Option<&Tls>) {
    match trust.reload() {
        Ok(true) => eprintln!("telem-collector: the list of trusted certificates is read again"),
        Ok(false) => {}
        Err(error) => eprintln!("telem-collector: {error}; the list from before stays in force"),
    }
    match tls.map(Tls::reload) {
        Some(Ok(true)) => {
            let fingerprint = tls.map(|tls| tls.fingerprint().to_string()).unwrap_or_default();
            eprintln!("telem-collector: the certificate is read again; its fingerprint is {fingerprint}");
        }
        Some(Err(error)) => {
            eprintln!("telem-collector: {error}; the certificate from before is shown further")
        }
        _ => {}
    }
}
