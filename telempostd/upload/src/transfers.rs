//! Transfers with libcurl: one multi handle, its easy handles used again and again, so that the next
//! request finds connections, TLS sessions and names where the last one left them. For servers that single records name
//! each request has a handle, a connection and certificates of its own, which nobody uses after it.

use crate::answer::{Answer, one_line};
use crate::handle::{Handle, foreign_handle, system_handle};
use crate::packing::{self, Packer};
use crate::{retry_after, tls_fault};
use curl::MultiError;
use curl::easy::{Easy2, List};
use curl::multi::{Easy2Handle, Multi, WaitFd};
use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_config::{HeaderScope, ServerUrl};
use telemetry_runtime::throttle::{Throttle, and_more};
use telempost_upload::limits::{CONNECTIONS_PER_SERVER, KEPT_CONNECTIONS, KEPT_HANDLES};
use telempost_upload::protocol::{self, PostResult, Request, Response};

/// Status of a proxy that wants to know who uses it.
const PROXY_WANTS_LOGIN: u16 = 407;

/// A transfer that runs.
#[derive(Debug)]
struct Running {
    tag: u64,
    handle: Handle<Easy2Handle<Answer>>,
    url: String,
    /// The request, if its body went packed.
    packed: Option<Vec<u8>>,
}

/// Minimum time between two lines about servers that take no packed bodies, at first.
const PLAIN_INTERVAL: Duration = Duration::from_secs(60);

/// The transfers.
#[derive(Debug)]
pub(crate) struct Transfers {
    multi: Multi,
    running: HashMap<usize, Running>,
    unused: Vec<Handle<Easy2<Answer>>>,
    /// Whose configuration names the servers.
    named_by: HeaderScope,
    last_token: usize,
    packer: Packer,
    /// URLs of servers that have answered that they take no packed bodies.
    plain_only: HashSet<String>,
    /// Records name as many servers as their senders like.
    plain_lines: Throttle,
}

impl Transfers {
    /// No transfers yet.
    ///
    /// # Errors
    /// As libcurl.
    pub(crate) fn new(named_by: HeaderScope) -> Result<Self, MultiError> {
        let mut multi = Multi::new();
        multi.pipelining(false, true)?;
        if named_by == HeaderScope::System {
            multi.set_max_host_connections(CONNECTIONS_PER_SERVER)?;
        }
        multi.set_max_connects(KEPT_CONNECTIONS)?;
        Ok(Self {
            multi,
            running: HashMap::new(),
            unused: Vec::new(),
            named_by,
            last_token: 0,
            packer: Packer::default(),
            plain_only: HashSet::new(),
            plain_lines: Throttle::new(PLAIN_INTERVAL),
        })
    }

    /// Waits until something can be done or `waitfd` is readable.
    pub(crate) fn wait(&self, waitfd: &mut [WaitFd], timeout: Duration) -> Result<(), MultiError> {
        self.multi.wait(waitfd, timeout).map(drop)
    }

    /// Begins the transfer that a packet asks for. `certificates` came with it.
    ///
    /// # Errors
    /// The response to a request that cannot even begin.
    pub(crate) fn begin(
        &mut self,
        request: &Request<'_>,
        packet: &[u8],
        certificates: Option<OwnedFd>,
    ) -> Result<(), Response> {
        self.try_begin(request, packet, certificates).map_err(|reason| Response {
            tag: request.tag,
            result: PostResult::Failed { reason: one_line(&reason), was_sent: false, is_about_clock: false },
        })
    }

    fn try_begin(
        &mut self,
        request: &Request<'_>,
        packet: &[u8],
        certificates: Option<OwnedFd>,
    ) -> Result<(), String> {
        // telempostd has judged it; what goes out is decided here.
        let (name, value) = request.tid_header;
        if !self.named_by.allows(name, value) {
            return Err(format!("tidheader={name}: a configuration may not have this header sent"));
        }
        let coding = request.coding.filter(|_| !self.plain_only.contains(request.url));
        let body = request.body.as_bytes();
        let packed = coding.and_then(|coding| Some((packing::name(coding), self.packer.pack(body, coding)?)));
        let mut handle = match self.named_by {
            HeaderScope::System => self.kept_handle(request.ca_file),
            HeaderScope::Record => foreign_handle(request.ca_file, certificates),
        }?;
        let (coding, body) = match &packed {
            Some((name, packed)) => (Some(*name), packed.as_slice()),
            None => (None, body),
        };
        set_up(&mut handle.easy, request, coding, body).map_err(|error| error.to_string())?;
        let mut easy = self.multi.add2(handle.easy).map_err(|error| error.to_string())?;
        self.last_token = self.last_token.wrapping_add(1);
        easy.set_token(self.last_token).map_err(|error| error.to_string())?;
        let running = Running {
            tag: request.tag,
            handle: Handle { easy, ca_file: handle.ca_file },
            url: request.url.to_owned(),
            packed: packed.map(|_| packet.to_owned()),
        };
        self.running.insert(self.last_token, running);
        Ok(())
    }

    /// A handle for the system's server, one that was used before if there is one.
    fn kept_handle(&mut self, ca_file: Option<&str>) -> Result<Handle<Easy2<Answer>>, String> {
        let fits = |handle: &Handle<_>| handle.ca_file.as_deref() == ca_file;
        match self.unused.iter().rposition(fits) {
            Some(index) => Ok(self.unused.swap_remove(index)),
            None => system_handle(ca_file).map_err(|error| error.to_string()),
        }
    }

    /// Goes on with all transfers and returns the responses to those that ended.
    pub(crate) fn perform(&mut self) -> Result<Vec<Response>, MultiError> {
        self.multi.perform()?;
        let mut ended = Vec::new();
        self.multi.messages(|message| {
            if let Ok(token) = message.token()
                && let Some(running) = self.running.get(&token)
                && let Some(result) = message.result_for2(&running.handle.easy)
            {
                ended.push((token, result));
            }
        });
        let mut responses = Vec::with_capacity(ended.len());
        for (token, result) in ended {
            let Some(Running { tag, handle: Handle { easy, ca_file }, url, packed }) =
                self.running.remove(&token)
            else {
                continue;
            };
            let easy = self.multi.remove2(easy)?;
            let result = post_result(&easy, result, &url, ca_file.as_deref());
            if self.named_by == HeaderScope::System {
                self.unused.push(Handle { easy, ca_file });
            }
            responses.extend(match packed {
                Some(packet) if is_about_the_coding(&result) => self.begin_plain(tag, &url, &packet),
                _ => Some(Response { tag, result }),
            });
        }
        self.unused.truncate(KEPT_HANDLES);
        Ok(responses)
    }

    /// Begins a request again whose packed body the server does not take.
    fn begin_plain(&mut self, tag: u64, url: &str, packet: &[u8]) -> Option<Response> {
        if self.plain_only.insert(url.to_owned())
            && let Some(unlogged) = self.plain_lines.note(Instant::now())
        {
            log::warn!(
                "{}: takes no compressed bodies (status 415), so they go as they are; server_compression=off \
                 saves the try{}",
                ServerUrl::unchecked(url),
                and_more(unlogged)
            );
        }
        match protocol::decode::<Request<'_>>(packet) {
            Ok(request) => self.begin(&request, packet, None).err(),
            Err(error) => {
                let reason = format!("the request cannot be sent again: {error}");
                Some(Response {
                    tag,
                    result: PostResult::Failed { reason, was_sent: true, is_about_clock: false },
                })
            }
        }
    }
}

fn set_up(
    easy: &mut Easy2<Answer>,
    request: &Request<'_>,
    coding: Option<&str>,
    body: &[u8],
) -> Result<(), curl::Error> {
    easy.get_mut().clear();
    easy.url(request.url)?;
    let mut list = List::new();
    // libcurl would ask before it sends a larger body, and wait a second for the answer.
    list.append("Expect:")?;
    if let Some(coding) = coding {
        list.append(&format!("Content-Encoding: {coding}"))?;
    }
    let (name, value) = request.tid_header;
    list.append(&format!("{name}: {value}"))?;
    for (name, value) in &request.headers {
        // An empty value is written like this; with a colon libcurl leaves the header out.
        let empty = value.trim().is_empty();
        list.append(&if empty { format!("{name};") } else { format!("{name}: {value}") })?;
    }
    easy.http_headers(list)?;
    easy.post_fields_copy(body)
}

/// Whether the server takes the body in another coding (RFC 9110, 15.5.16). That it does not take the record
/// is then still to be seen.
fn is_about_the_coding(result: &PostResult) -> bool {
    matches!(result, PostResult::Answered { status: 415, .. })
}

/// What came of a transfer. The URL and the certificates are those of its request.
fn post_result(
    easy: &Easy2<Answer>,
    result: Result<(), curl::Error>,
    url: &str,
    ca_file: Option<&str>,
) -> PostResult {
    let answer = easy.get_ref();
    // The answer to CONNECT; libcurl's own words for it do not name the proxy.
    if result.is_err() && easy.http_connectcode().is_ok_and(|status| status == u32::from(PROXY_WANTS_LOGIN)) {
        return PostResult::Answered {
            status: PROXY_WANTS_LOGIN,
            retry_after_secs: None,
            date_unix_secs: None,
            body_head: String::new(),
            is_multiplexed: false,
            peer: peer(easy),
        };
    }
    match result {
        // The status was there before the rest became too long; and whose head says that the record was taken has it,
        // whatever becomes of the body.
        Err(error) if !(is_taken(easy) || (error.is_write_error() && answer.is_too_long())) => {
            let said = error.extra_description().unwrap_or(error.description());
            let reason = match tls_fault::sentence(error.code(), said, url, ca_file) {
                Some(sentence) => sentence,
                None if said.contains(error.description()) => said.to_owned(),
                None => format!("{said} ({})", error.description()),
            };
            let was_sent = easy.pretransfer_time().is_ok_and(|time| !time.is_zero());
            let is_about_clock = tls_fault::is_about_time(error.code(), said);
            PostResult::Failed { reason: one_line(&reason), was_sent, is_about_clock }
        }
        _ if !answer.is_head_whole() => {
            let reason = "the connection was closed in the middle of the answer".to_owned();
            PostResult::Failed { reason, was_sent: true, is_about_clock: false }
        }
        _ => match status(easy) {
            None => {
                let reason = "the answer has no status".to_owned();
                PostResult::Failed { reason, was_sent: true, is_about_clock: false }
            }
            Some(status) => PostResult::Answered {
                status,
                retry_after_secs: answer
                    .retry_after()
                    .and_then(|value| retry_after::parse(value, answer.date(), SystemTime::now())),
                date_unix_secs: answer.date().and_then(unix_secs),
                body_head: answer.shown_head(),
                is_multiplexed: answer.is_multiplexed(),
                peer: peer(easy),
            },
        },
    }
}

fn unix_secs(date: SystemTime) -> Option<u64> {
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Whether the head of the answer is whole and says that the record was taken.
fn is_taken(easy: &Easy2<Answer>) -> bool {
    easy.get_ref().is_head_whole() && matches!(status(easy), Some(200 | 201))
}

/// The status of the answer; none if there was none, which libcurl reports as 0.
fn status(easy: &Easy2<Answer>) -> Option<u16> {
    easy.response_code().ok().and_then(|status| u16::try_from(status).ok()).filter(|status| *status != 0)
}

/// Address and port of the other end of the connection.
fn peer(easy: &Easy2<Answer>) -> String {
    let address = easy.primary_ip().ok().flatten().unwrap_or_default();
    let port = easy.primary_port().unwrap_or_default();
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}
