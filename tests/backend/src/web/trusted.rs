//! Refuses whom the list of trusted certificates gives no right.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{App, Problem};
use crate::access::Visitor;
use crate::trust::{Caller, Role};

/// Lets posts of records and requests to forget through from those who may deliver.
pub(super) async fn who_delivers(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let caller = caller(&request);
    if request.method() != Method::POST || caller.may_deliver() {
        return next.run(request).await;
    }
    not_trusted(&app, &caller, Role::Deliver).into_response()
}

/// Who sends a request; without a socket, as in tests, nobody in particular.
pub(super) fn caller(request: &Request) -> Caller {
    request.extensions().get().copied().unwrap_or_default()
}

/// What a caller may on pages by his certificate.
pub(super) enum OnPages {
    /// His certificate lets him in.
    Visitor(Visitor),
    /// What everybody may, who shows none.
    AsEverybody,
    /// Nothing.
    Refused(Problem),
}

/// Judges a caller of a page by his certificate; a password or a proxy's word counts besides, unless he is bound to his
/// roles.
pub(super) fn on_pages(app: &App, caller: &Caller, reads: bool) -> OnPages {
    let visitor = |may_change| {
        let name = caller.fingerprint.map(|fingerprint| format!("certificate {fingerprint}"));
        OnPages::Visitor(Visitor { name, may_change, has_session: false })
    };
    if caller.roles.has(Role::Administrate) {
        return visitor(true);
    }
    if caller.roles.has(Role::Read) && reads {
        return visitor(false);
    }
    if caller.is_bound_to_roles {
        let needed = if reads { Role::Read } else { Role::Administrate };
        return OnPages::Refused(not_trusted(app, caller, needed));
    }
    OnPages::AsEverybody
}

/// The refusal of a certificate, or of none where one is needed: never the fault of a record.
pub(super) fn not_trusted(app: &App, caller: &Caller, role: Role) -> Problem {
    let role = role.word();
    let problem = |message: String| Problem::new(StatusCode::FORBIDDEN, message).with_code("not_trusted");
    match caller.fingerprint {
        Some(fingerprint) => {
            app.trust.note_refused(&fingerprint);
            problem(format!(
                "the certificate {fingerprint} is not trusted with this; the collector's list of trusted certificates \
                 must have it with role={role}"
            ))
            .with_member("fingerprint", fingerprint.to_string())
        }
        None => problem(format!(
            "this is for clients that show a certificate over TLS which the collector's list of trusted certificates \
             has with role={role}"
        ))
        .with_member("fingerprint", serde_json::Value::Null),
    }
}
