//! One request after the other, each the way of a record.

use crate::exchange::{SendError, TrustFiles, Upload};
use crate::limits::RESPONSE_BYTES;
use crate::queue::NamedBy;
use crate::server_path;
use crate::settings::Settings;
use std::borrow::Cow;
use std::io;
use std::time::{Duration, Instant};
use telemetry_files::bounded_file;
use telemetry_runtime::poller::{Events, Interest, Poller};
use telemetry_store::forget::{Pending, PendingRequest};
use telemetry_trust::ServerAddress;
use telempost_upload::limits::CERTIFICATES_BYTES;
use telempost_upload::protocol::{self, PostResult, Request};

/// Longest wait for an event between two looks at the time.
const PACE: Duration = Duration::from_secs(1);

pub(super) struct Sender {
    system: Upload,
    foreign: Upload,
    trust: TrustFiles,
    last_tag: u64,
}

impl Sender {
    /// One that trusts the servers of these requests as records' are trusted.
    pub(super) fn new(settings: &Settings, pending: &Pending) -> io::Result<Self> {
        let own = pending.requests.iter().filter(|request| !request.is_foreign);
        let servers = own.filter_map(|request| ServerAddress::of_https_url(&request.url)).collect();
        let upload = |named_by| Upload::locate(named_by).map_err(io::Error::other);
        Ok(Self {
            system: upload(NamedBy::System)?,
            foreign: upload(NamedBy::Record)?,
            trust: TrustFiles::of_servers(settings, servers),
            last_tag: 0,
        })
    }

    /// Has a request posted, and waits for what comes of it.
    pub(super) fn send(&mut self, request: &PendingRequest, body: &str, deadline: Instant) -> PostResult {
        self.try_send(request, body, deadline).unwrap_or_else(|reason| PostResult::Failed {
            reason,
            was_sent: false,
            is_about_clock: false,
        })
    }

    fn try_send(
        &mut self,
        request: &PendingRequest,
        body: &str,
        deadline: Instant,
    ) -> Result<PostResult, String> {
        self.last_tag += 1;
        let tag = self.last_tag;
        let bytes = packet(tag, request, body)?;
        let certificates = match &request.cainfo {
            Some(path) if request.is_foreign => {
                let read = bounded_file::open_regular(path)
                    .and_then(|file| bounded_file::read_all(&file, CERTIFICATES_BYTES));
                Some(read.map_err(|error| format!("cainfo={}: {error}", path.display()))?)
            }
            _ => None,
        };
        let Self { system, foreign, trust, .. } = self;
        let upload = if request.is_foreign { foreign } else { system };
        upload.send_packet(bytes, certificates.as_deref(), || trust.opening()).map_err(
            |error| match error {
                SendError::Unsendable(error) => error.to_string(),
                SendError::NoProcess(error) => format!("the upload process cannot be started: {error}"),
                SendError::NoTrust(reason) => reason,
            },
        )?;
        wait(upload, tag, deadline)
    }
}

fn packet(tag: u64, request: &PendingRequest, body: &str) -> Result<Vec<u8>, String> {
    let (name, value) = request.tid_header.split_once(':').unwrap_or((&request.tid_header, ""));
    let ca_file = request.cainfo.as_ref().map(|path| path.display().to_string());
    let url = server_path::forget(&request.url);
    let message = Request {
        tag,
        url: &url,
        ca_file: ca_file.as_deref(),
        coding: None,
        tid_header: (name, value.trim()),
        headers: vec![("Content-Type", Cow::Borrowed("application/json"))],
        body: Cow::Borrowed(body),
    };
    protocol::encode(&message).map_err(|error| error.to_string())
}

/// Waits for the answer to this request, and ends the process if none comes in time: it may hang.
fn wait(upload: &mut Upload, tag: u64, deadline: Instant) -> Result<PostResult, String> {
    let poller = Poller::new().map_err(|error| error.to_string())?;
    let mut scratch = vec![0; RESPONSE_BYTES];
    loop {
        upload.flush();
        match upload.receive(&mut scratch) {
            Ok(Some(response)) if response.tag == tag => return Ok(response.result),
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(ended) => return Err(ended.to_string()),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            upload.kill();
            return Err("it has not answered yet".to_owned());
        }
        if let Some((socket, _)) = upload.interest() {
            poller.watch(socket, 0, Interest::Readable).map_err(|error| error.to_string())?;
        }
        poller.wait(&mut Events::default(), Some(left.min(PACE))).map_err(|error| error.to_string())?;
    }
}
