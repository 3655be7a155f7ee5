//! Transfers with libcurl: one multi handle, its easy handles used again and again, so that the next
//! request finds connections, TLS sessions and names where the last one left them. For servers that single records name
//! each request has a handle, a connection and certificates of its own, which nobody uses after it.

use crate::answer::{Answer, one_line};
use crate::handle::{Handle, TrustedBy, foreign_handle, system_handle};
use crate::packing::{self, Packer};
use crate::post_result::post_result;
use crate::server_trust::{Decision, Looked, ServerTrust};
use crate::tls_fault;
use curl::MultiError;
use curl::easy::{Easy2, List};
use curl::multi::{Easy2Handle, Multi, WaitFd};
use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};
use telemetry_config::{HeaderScope, ServerUrl};
use telemetry_runtime::throttle::{Throttle, and_more};
use telemetry_trust::ServerAddress;
use telempost_upload::limits::{CONNECTIONS_PER_SERVER, KEPT_CONNECTIONS, KEPT_HANDLES};
use telempost_upload::protocol::{self, PostResult, Request, Response};

/// A transfer that runs.
#[derive(Debug)]
struct Running {
    tag: u64,
    handle: Handle<Easy2Handle<Answer>>,
    url: String,
    /// The request, if its body went packed.
    packed: Option<Vec<u8>>,
}

/// What goes on once a server's certificate was looked at.
#[derive(Debug)]
enum Waiting {
    /// A request that is to be sent if it is trusted.
    Request { tag: u64, packet: Vec<u8> },
    /// A request that failed since the certificate was refused, and why.
    Refused { tag: u64, reason: String },
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
    trust: ServerTrust,
    waiting: Vec<(ServerAddress, Waiting)>,
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
    pub(crate) fn new(named_by: HeaderScope, trust: ServerTrust) -> Result<Self, MultiError> {
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
            trust,
            waiting: Vec::new(),
            plain_only: HashSet::new(),
            plain_lines: Throttle::new(PLAIN_INTERVAL),
        })
    }

    /// Waits until something can be done or `waitfd` is readable.
    pub(crate) fn wait(&self, waitfd: &mut [WaitFd], timeout: Duration) -> Result<(), MultiError> {
        self.multi.wait(waitfd, timeout).map(drop)
    }

    /// What becomes readable when a look at a server ends.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = i32> {
        self.trust.descriptors()
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
        let trusted_by = match self.trust.decide(request.url) {
            Decision::Authorities => TrustedBy::authorities(request.ca_file),
            Decision::Pin { pin, is_shown } => TrustedBy::Pin { pin, is_shown },
            Decision::Look(server) => {
                self.trust.look(&server)?;
                self.waiting.push((server, Waiting::Request { tag: request.tag, packet: packet.to_owned() }));
                return Ok(());
            }
        };
        let coding = request.coding.filter(|_| !self.plain_only.contains(request.url));
        let body = request.body.as_bytes();
        let packed = coding.and_then(|coding| Some((packing::name(coding), self.packer.pack(body, coding)?)));
        let mut handle = match self.named_by {
            HeaderScope::System => self.kept_handle(trusted_by),
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
            handle: Handle { easy, trusted_by: handle.trusted_by },
            url: request.url.to_owned(),
            packed: packed.map(|_| packet.to_owned()),
        };
        self.running.insert(self.last_token, running);
        Ok(())
    }

    /// A handle for the system's server, one that was used before if there is one.
    fn kept_handle(&mut self, trusted_by: TrustedBy) -> Result<Handle<Easy2<Answer>>, String> {
        match self.unused.iter().rposition(|handle| handle.trusted_by == trusted_by) {
            Some(index) => Ok(self.unused.swap_remove(index)),
            None => {
                let identity = self.trust.identity(&trusted_by);
                system_handle(trusted_by, identity).map_err(|error| error.to_string())
            }
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
            responses.extend(self.end(token, result)?);
        }
        self.unused.truncate(KEPT_HANDLES);
        self.go_on_after_looks(&mut responses);
        Ok(responses)
    }

    /// Ends a transfer. Returns the response to it, unless it goes on otherwise.
    fn end(&mut self, token: usize, result: Result<(), curl::Error>) -> Result<Option<Response>, MultiError> {
        let Some(Running { tag, handle: Handle { easy, trusted_by }, url, packed }) =
            self.running.remove(&token)
        else {
            return Ok(None);
        };
        let easy = self.multi.remove2(easy)?;
        let code = result.as_ref().err().map_or(0, curl::Error::code);
        let shown = self.trust.identity(&trusted_by).is_some();
        let fingerprint = self.trust.own_fingerprint().filter(|_| shown);
        let result = post_result(&easy, result, &url, trusted_by.ca_file(), fingerprint);
        if self.named_by == HeaderScope::System {
            // What the clock has against a certificate is no matter of trust.
            if let (true, PostResult::Failed { reason, is_about_clock: false, .. }) =
                (tls_fault::is_refused(code), &result)
                && let Some(server) = ServerAddress::of_https_url(&url)
            {
                self.trust.forget_pin(&server);
                if self.trust.look(&server).is_ok() {
                    self.waiting.push((server, Waiting::Refused { tag, reason: reason.clone() }));
                    return Ok(None);
                }
            }
            self.unused.push(Handle { easy, trusted_by });
        }
        Ok(match packed {
            Some(packet) if is_about_the_coding(&result) => self.begin_plain(tag, &url, &packet),
            _ => Some(Response { tag, result }),
        })
    }

    /// Begins the requests whose server is trusted now, and answers the others.
    fn go_on_after_looks(&mut self, responses: &mut Vec<Response>) {
        for (server, looked) in self.trust.take_looked() {
            let (waiting, others) =
                std::mem::take(&mut self.waiting).into_iter().partition(|(of, _)| *of == server);
            self.waiting = others;
            for (_, waiting) in waiting {
                responses.extend(self.go_on(waiting, &looked));
            }
        }
    }

    /// Returns the response, if the request does not go on.
    fn go_on(&mut self, waiting: Waiting, looked: &Looked) -> Option<Response> {
        match (waiting, looked) {
            (Waiting::Request { tag, packet }, Looked::Trusted) => self.begin_again(tag, &packet),
            (Waiting::Request { tag, .. }, Looked::Refused(result)) => {
                Some(Response { tag, result: result.clone() })
            }
            (
                Waiting::Refused { tag, reason },
                Looked::Refused(PostResult::Untrusted { server, fingerprint, reason: seen }),
            ) => {
                let (server, fingerprint) = (server.clone(), fingerprint.clone());
                let reason = format!("{reason}; {seen}");
                Some(Response { tag, result: PostResult::Untrusted { server, fingerprint, reason } })
            }
            (Waiting::Refused { tag, reason }, _) => Some(Response {
                tag,
                result: PostResult::Failed { reason, was_sent: false, is_about_clock: false },
            }),
        }
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
        self.begin_again(tag, packet)
    }

    /// Begins what a packet asks for that was begun before, or waited. Returns the response if it cannot even begin.
    fn begin_again(&mut self, tag: u64, packet: &[u8]) -> Option<Response> {
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
