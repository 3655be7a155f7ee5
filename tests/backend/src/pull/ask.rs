//! Asks one machine, and judges what comes back: an [`Answer`], or a fault in words.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use telemetry_tls::{client_config, client_config_of_both};
use telemetry_trust::Has;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::definition::{Definition, KnownBy, Question, Soap};
use super::identities::Identities;
use super::limits::{ANSWER_BYTES, LARGE_AT_A_TIME, REFUSAL_BYTES, SMALL_BYTES, WHOLE_TIME};
use super::link::{self, Links, Reply};
use super::soap;
use crate::samples::pulled::{self, Answer};
use crate::trust::{Announcement, Fingerprint, ServerVerifier, TrustError, server_authorities};

/// The lists that samples and checks are made of; not those of packages and processes.
const FIELDS: &str = "fields=readings,sensors,checks,certificates,operating_system";

/// Where telempulld says which certificate follows its own.
const IDENTITY_PATH: &str = "/v3/identity";

/// What a machine says of its certificates.
#[derive(Debug)]
pub(super) struct Said {
    /// Whose key it has proven.
    pub(super) leaf: Fingerprint,
    pub(super) status: StatusCode,
    /// None: it is too old to say anything.
    pub(super) announcement: Result<Option<Announcement>, String>,
}

/// What all machines are asked with.
#[derive(Debug)]
pub(super) struct Asker {
    identities: Arc<Identities>,
    authorities: HashMap<PathBuf, Arc<WebPkiServerVerifier>>,
    links: Links,
    large: Arc<Semaphore>,
}

impl Asker {
    /// Reads the files that are needed for these machines: our certificate, which is made if it is not there, and authorities.
    pub(super) fn new(
        definitions: &[Arc<Definition>],
        identities: &Arc<Identities>,
    ) -> Result<Self, TrustError> {
        if definitions.iter().any(|definition| definition.url.is_tls()) {
            identities.need_own()?;
        }
        let mut authorities = HashMap::new();
        for definition in definitions {
            if let KnownBy::Authorities(path) = &definition.known_by
                && !authorities.contains_key(path)
            {
                authorities.insert(path.clone(), server_authorities(path)?);
            }
        }
        let (identities, large) = (Arc::clone(identities), Arc::new(Semaphore::new(LARGE_AT_A_TIME)));
        Ok(Self { links: Links::new(Arc::clone(&identities)), identities, authorities, large })
    }

    /// Asks a machine how it is.
    pub(super) async fn ask(&self, definition: &Definition) -> Result<Answer, String> {
        let asking = async {
            match &definition.question {
                Question::Json(server) => {
                    let answer = self.by_json(definition).await?;
                    let meant = server.as_ref().map(|server| format!("{}/{}", server.owner, server.code));
                    match (&meant, &answer.server) {
                        (Some(meant), given) if given.as_ref() != Some(meant) => {
                            let given = given.as_deref().unwrap_or("one without a name");
                            Err(format!("another machine answers: {given}"))
                        }
                        _ => Ok(answer),
                    }
                }
                Question::Soap(soap) => self.by_soap(definition, soap).await,
            }
        };
        timeout(WHOLE_TIME, asking).await.unwrap_or_else(|_| Err(no_answer()))
    }

    async fn by_json(&self, definition: &Definition) -> Result<Answer, String> {
        let question = link::Question {
            method: Method::GET,
            path: format!("{}?{FIELDS}", definition.url.environment()),
            content_type: None,
            body: Vec::new(),
            most_bytes: ANSWER_BYTES,
        };
        let reply = self.exchange(definition, &question).await?;
        self.check(&reply, &question, "application/json")?;
        self.read(reply, pulled::parse).await
    }

    async fn by_soap(&self, definition: &Definition, soap: &Soap) -> Result<Answer, String> {
        let request = soap::Request::new(soap);
        let question = link::Question {
            method: Method::POST,
            path: definition.url.path().to_owned(),
            content_type: Some("text/xml; charset=UTF-8"),
            body: request.text.clone().into_bytes(),
            most_bytes: ANSWER_BYTES,
        };
        let reply = self.exchange(definition, &question).await?;
        self.check(&reply, &question, "text/xml")?;
        self.read(reply, move |body| soap::read(body, &request)).await
    }

    /// Hands a monitoring-params.xml to a machine. Ok: what became of it, which needs no other try.
    pub(super) async fn hand(
        &self,
        definition: &Definition,
        text: &str,
    ) -> Result<Result<(), String>, String> {
        let question = link::Question {
            method: Method::PUT,
            path: definition.url.below("/v1/monitoring-params"),
            content_type: Some("application/xml"),
            body: text.as_bytes().to_vec(),
            most_bytes: REFUSAL_BYTES,
        };
        let handing = self.exchange(definition, &question);
        let reply = timeout(WHOLE_TIME, handing).await.unwrap_or_else(|_| Err(no_answer()))?;
        let said = first_line(reply.body.as_slice());
        match reply.status.as_u16() {
            204 => Ok(Ok(())),
            403 => Ok(Err(format!(
                "this collector may not: there, `telemctl pull trust {} role=pull role=administrate` allows it",
                self.own_name()
            ))),
            409 => Ok(Err(format!("the machine has its own: {said}"))),
            400 => Ok(Err(format!("the machine refuses it: {said}"))),
            404 | 405 | 501 => Ok(Err("nobody takes it at its url=".to_owned())),
            status => Err(format!("status {status}: {said}")),
        }
    }

    /// Asks a machine for its certificates, or announces ours, saying which of its next ones is trusted here.
    pub(super) async fn identity(
        &self,
        definition: &Definition,
        method: Method,
        has: Option<Fingerprint>,
        body: String,
    ) -> Result<Said, String> {
        let content_type = Some("application/json").filter(|_| method == Method::POST);
        let question = link::Question {
            method,
            path: definition.url.below(&format!("{IDENTITY_PATH}?{}", Has::to_query(has))),
            content_type,
            body: body.into_bytes(),
            most_bytes: REFUSAL_BYTES,
        };
        let exchange = self.exchange(definition, &question);
        let reply = timeout(WHOLE_TIME, exchange).await.unwrap_or_else(|_| Err(no_answer()))?;
        let leaf = reply.leaf.ok_or("it shows no certificate")?;
        let said = Announcement::of_answer(reply.status.as_u16(), reply.body.as_slice(), leaf);
        let announcement = said.map_err(|fault| format!("{fault} ({})", first_line(reply.body.as_slice())));
        Ok(Said { leaf, status: reply.status, announcement })
    }

    async fn exchange(&self, definition: &Definition, question: &link::Question) -> Result<Reply, String> {
        let tls = self.tls(definition).map_err(|error| error.to_string())?;
        self.links.exchange(&definition.url, tls, question).await
    }

    fn tls(&self, definition: &Definition) -> Result<Option<Arc<ClientConfig>>, TrustError> {
        let no_certificate = || TrustError::Options("this collector has no certificate to show".to_owned());
        let takes: Arc<dyn ServerCertVerifier> = match &definition.known_by {
            KnownBy::Here => return Ok(None),
            KnownBy::Fingerprint(first) => Arc::new(ServerVerifier::new(self.identities.taken(first))),
            KnownBy::Authorities(path) => {
                Arc::<WebPkiServerVerifier>::clone(self.authorities.get(path).ok_or_else(no_certificate)?)
            }
        };
        let own = &self.identities.own().ok_or_else(no_certificate)?;
        let config = match &definition.question {
            Question::Json(_) => client_config(own, takes),
            // Security servers of X-Road speak 1.2.
            Question::Soap(_) => client_config_of_both(own, takes),
        };
        config
            .map(|config| Some(Arc::new(config)))
            .map_err(|error| TrustError::Options(format!("cannot use TLS: {error}")))
    }

    fn own_name(&self) -> String {
        self.identities.fingerprint().map_or_else(|| "FINGERPRINT".to_owned(), |own| own.to_string())
    }

    /// Whether it is an answer, by its head.
    fn check(&self, reply: &Reply, question: &link::Question, expected: &str) -> Result<(), String> {
        let status = reply.status;
        if status != StatusCode::OK {
            let said = first_line(reply.body.as_slice());
            return Err(match status.as_u16() {
                401 | 403 => format!(
                    "this collector may not ask: there, `telemctl pull trust {} role=pull` lets it ({said})",
                    self.own_name()
                ),
                404 => {
                    format!("there is nothing at {}; is it telempulld that answers at url=?", question.path)
                }
                429 => format!("it is asked too often ({said}); pull_rate= there, interval= here"),
                code => format!("it answers with status {code}: {said}"),
            });
        }
        let kind = reply.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default();
        let is_expected =
            kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected));
        if is_expected {
            return Ok(());
        }
        Err(format!("its answer is of type {}, and not {expected}", crate::record::quoted(kind)))
    }

    /// Reads a body, a large one where that holds up nobody.
    async fn read(
        &self,
        reply: Reply,
        read: impl FnOnce(&[u8]) -> Result<Answer, String> + Send + 'static,
    ) -> Result<Answer, String> {
        if reply.body.as_slice().len() <= SMALL_BYTES {
            return read(reply.body.as_slice());
        }
        let turn = Arc::clone(&self.large).acquire_owned().await;
        let turn = turn.map_err(|_| "the collector stops".to_owned())?;
        let reading = move || {
            let answer = read(reply.body.as_slice());
            drop(turn);
            answer
        };
        tokio::task::spawn_blocking(reading).await.map_err(|error| error.to_string())?
    }
}

fn no_answer() -> String {
    format!("no whole answer in {} seconds", WHOLE_TIME.as_secs())
}

/// What a refusal says, as far as it is worth reading.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    telemetry_xroad::xml::repeated(text.lines().next().unwrap_or_default())
}
