//! One request: who asks, how often, for what; and the answer, as far as it is his.

mod authentication;
mod body;
pub(crate) mod host;
mod identity;
mod payload;

use crate::shared::{Peer, Shared};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use payload::Payload;
use rand::TryRng;
use rand::rngs::SysRng;
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_xroad::params;
use telempull_answers::access::{Caller, Extent, Names, Way};
use telempull_answers::fields::{Field, Fields};
use telempull_answers::gatherer::Lists;
use telempull_answers::settings::Settings;
use telempull_answers::{json, soap};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Where certificates are announced, the same as at a collector.
const IDENTITY_PATH: &str = "/v3/identity";

type Answer = Response<Payload>;

/// Answers a request.
pub(crate) async fn respond(shared: &Rc<Shared>, peer: Peer, request: Request<Incoming>) -> Answer {
    let settings = shared.settings();
    if !consent::is_opted_in(&settings.etc_dir) {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "this machine is not opted in");
    }
    if peer == Peer::Local && !host::is_loopback(request.headers()) {
        return refused(StatusCode::FORBIDDEN, "Host must be an address of this machine, or localhost");
    }
    if let (Some(rate), true) = (settings.rate, peer != Peer::Local)
        && let Err(wait) = shared.paces.borrow_mut().take(&peer, rate, Instant::now())
    {
        return too_often(wait);
    }
    match authentication::caller(shared, &settings, peer, request.headers()).await {
        Ok(_) if request.uri().path() == IDENTITY_PATH => match *request.method() {
            Method::GET | Method::HEAD | Method::POST => identity::respond(shared, peer, request).await,
            _ => not_allowed("GET, HEAD, POST"),
        },
        Ok(caller) => route(shared, &settings, &caller, request).await,
        Err(answer) => answer,
    }
}

async fn route(
    shared: &Rc<Shared>,
    settings: &Settings,
    caller: &Caller,
    request: Request<Incoming>,
) -> Answer {
    let (path, method) = (request.uri().path().to_owned(), request.method().clone());
    let is_reading = matches!(method, Method::GET | Method::HEAD);
    match path.as_str() {
        "/metrics" if is_reading => metrics(shared, settings, caller).await,
        "/v1/environment" if is_reading => {
            let fields = Fields::of_query(request.uri().query().unwrap_or_default());
            environment(shared, settings, caller, &fields).await
        }
        "/v1/monitoring-params" if is_reading || method == Method::PUT => {
            monitoring_params(shared, settings, caller, request).await
        }
        "/" if method == Method::POST => by_soap(shared, settings, caller, request).await,
        "/" => not_allowed("POST"),
        "/metrics" | "/v1/environment" => not_allowed("GET, HEAD"),
        "/v1/monitoring-params" => not_allowed("GET, HEAD, PUT"),
        _ => refused(StatusCode::NOT_FOUND, "there are /metrics, /v1/environment, and POST to /"),
    }
}

/// What somebody gets on a way, by what holds now.
fn extent(shared: &Shared, settings: &Settings, caller: &Caller, way: Way) -> Extent {
    let mut parameters = shared.parameters.borrow_mut();
    let central = parameters.central(settings);
    caller.extent(way, &Names { owner: settings.member.as_ref(), central, is_limited: settings.is_limited })
}

async fn metrics(shared: &Shared, settings: &Settings, caller: &Caller) -> Answer {
    if extent(shared, settings, caller, Way::Metrics) == Extent::Nothing {
        return forbidden();
    }
    let environment = shared.readings.now(settings, Lists::default()).await;
    answer(StatusCode::OK, OPEN_METRICS, environment.open_metrics())
}

async fn environment(shared: &Shared, settings: &Settings, caller: &Caller, fields: &Fields) -> Answer {
    let extent = extent(shared, settings, caller, Way::Environment);
    if extent == Extent::Nothing {
        return forbidden();
    }
    let is_all = extent == Extent::Everything;
    let lists = Lists {
        has_packages: is_all && fields.has(Field::Packages),
        has_processes: is_all && fields.has(Field::Processes),
    };
    let environment = shared.readings.now(settings, lists).await;
    let text = json::text(&environment, settings.server().as_ref(), extent, fields);
    answer(StatusCode::OK, "application/json", text)
}

async fn monitoring_params(
    shared: &Shared,
    settings: &Settings,
    caller: &Caller,
    request: Request<Incoming>,
) -> Answer {
    if extent(shared, settings, caller, Way::MonitoringParams) == Extent::Nothing {
        return forbidden();
    }
    if request.method() != Method::PUT {
        return match shared.parameters.borrow_mut().text(settings) {
            Some(text) => answer(StatusCode::OK, "application/xml", text.to_vec()),
            None => refused(StatusCode::NOT_FOUND, "there is no monitoring-params.xml here"),
        };
    }
    if let Some(path) = &settings.monitoring_params {
        let path = path.display();
        return refused(StatusCode::CONFLICT, &format!("monitoring_params={path} is this machine's own"));
    }
    let text = match body::read(request).await {
        Ok(text) => text,
        Err(answer) => return answer,
    };
    if let Err(error) = params::parse(&text) {
        return refused(StatusCode::BAD_REQUEST, &error.to_string());
    }
    match shared.parameters.borrow_mut().replace(settings, &text) {
        Ok(()) => {
            log::info!("a new monitoring-params.xml was taken");
            answer(StatusCode::NO_CONTENT, TEXT, Bytes::new())
        }
        Err(error) => {
            log::error!("{}: {error}; the one from before stays in force", settings.sent_params().display());
            refused(StatusCode::INTERNAL_SERVER_ERROR, "it could not be kept")
        }
    }
}

async fn by_soap(
    shared: &Shared,
    settings: &Settings,
    caller: &Caller,
    request: Request<Incoming>,
) -> Answer {
    let content_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let posted = match body::read(request).await {
        Ok(posted) => posted,
        Err(answer) => return answer,
    };
    let fault = |fault: soap::Fault| {
        answer(StatusCode::OK, soap::CONTENT_TYPE, fault.text(settings.fault_style, &random_uuid()))
    };
    let request = match soap::Request::parse(content_type.as_deref(), &posted) {
        Ok(request) => request,
        Err(found) => return fault(found),
    };
    let server = settings.server();
    if let Err(found) = request.check(server.as_ref()) {
        return fault(found);
    }
    let extent = {
        let mut parameters = shared.parameters.borrow_mut();
        let central = parameters.central(settings);
        let names = Names { owner: settings.member.as_ref(), central, is_limited: settings.is_limited };
        caller.soap_extent(&request.client, &names)
    };
    let (Some(server), true) = (server, extent > Extent::Nothing) else { return fault(request.denied()) };
    let has = |name: &str| extent == Extent::Everything && request.wanted.has(name);
    let lists =
        Lists { has_packages: has("Packages"), has_processes: has("Processes") || has("Xroad Processes") };
    let environment = shared.readings.now(settings, lists).await;
    let mut response = answer(StatusCode::OK, soap::CONTENT_TYPE, Bytes::new());
    *response.body_mut() =
        Payload::Pieces(Box::new(soap::Answer::new(&request, &server, &environment, extent)));
    response
}

fn random_uuid() -> String {
    let mut bytes = [0; 16];
    // Without random numbers it is the same one each time: it only helps to find a fault again.
    let _ = SysRng.try_fill_bytes(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    // Version 4, variant 1: RFC 9562.
    let number = number & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62;
    let hex = format!("{number:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Payload::Whole(Some(body.into()).filter(|bytes| !bytes.is_empty())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // No page of somebody else's may read it, whatever a browser thinks that it is.
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

fn refused(status: StatusCode, why: &str) -> Answer {
    answer(status, TEXT, format!("{why}\n"))
}

fn with(mut response: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    response.headers_mut().insert(name, value);
    response
}

fn forbidden() -> Answer {
    refused(StatusCode::FORBIDDEN, "this is not for you")
}

fn not_allowed(methods: &'static str) -> Answer {
    let response = refused(StatusCode::METHOD_NOT_ALLOWED, &format!("use {methods}"));
    with(response, ALLOW, HeaderValue::from_static(methods))
}

fn unauthorized() -> Answer {
    let response = refused(StatusCode::UNAUTHORIZED, "a user and a password are needed");
    with(
        response,
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"telempulld\", charset=\"UTF-8\""),
    )
}

fn too_often(wait: Duration) -> Answer {
    let response = refused(StatusCode::TOO_MANY_REQUESTS, "too many requests a second");
    with(response, RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)))
}

/// To whoever has too many connections: this one ends.
pub(crate) fn too_many() -> Answer {
    let response = refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many connections of one certificate, or of this machine",
    );
    let response = with(response, RETRY_AFTER, HeaderValue::from_static("1"));
    with(response, CONNECTION, HeaderValue::from_static("close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_random_ones() {
        let uuid = random_uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        assert_ne!(uuid, random_uuid());
    }
}
