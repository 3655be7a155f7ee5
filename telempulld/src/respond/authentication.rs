//! What somebody may who asks: by his certificate as the list is now, by a password, or by being here.

use super::{Answer, refused, unauthorized};
use crate::passwords::{self, Login};
use crate::shared::{Peer, Shared};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, StatusCode};
use telempull_answers::access::Caller;
use telempull_answers::settings::Settings;

/// What he is, or the answer that is due instead.
pub(super) async fn caller(
    shared: &Shared,
    settings: &Settings,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Caller, Answer> {
    let login = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(Login::parse);
    match peer {
        Peer::Certificate(fingerprint) => shared
            .trust
            .caller(&fingerprint)
            .ok_or_else(|| refused(StatusCode::FORBIDDEN, "this certificate is not trusted any more")),
        Peer::Local => local(settings, login.as_ref()).map_err(|answer| *answer),
        Peer::Nobody(_) => by_password(shared, settings, login).await,
    }
}

fn local(settings: &Settings, login: Option<&Login>) -> Result<Caller, Box<Answer>> {
    match passwords::local(&settings.etc_dir) {
        Ok(None) => Ok(Caller::local()),
        Ok(Some(password)) if login.is_some_and(|login| login.is_password(&password)) => Ok(Caller::local()),
        Ok(Some(_)) => Err(Box::new(unauthorized())),
        // Who cannot know the password lets nobody in.
        Err(error) => {
            log::error!(
                "{}/telempulld/local_password: {error}; nobody is answered",
                settings.etc_dir.display()
            );
            Err(Box::new(refused(StatusCode::SERVICE_UNAVAILABLE, "the password cannot be read")))
        }
    }
}

/// One comparison at a time, in another thread: it is slow on purpose. One that was right is remembered while the file says
/// the same.
async fn by_password(shared: &Shared, settings: &Settings, login: Option<Login>) -> Result<Caller, Answer> {
    let (Some(path), Some(login)) = (&settings.password_file, login) else { return Err(unauthorized()) };
    let file = passwords::read(path).map_err(|error| {
        log::error!("{}: {error}; no password is right", path.display());
        unauthorized()
    })?;
    let known = (login.clone(), file.clone());
    if shared.known_login.borrow().as_ref() == Some(&known) {
        return Ok(Caller::by_password());
    }
    let _turn = shared.comparing.lock().await;
    let is_right = tokio::task::spawn_blocking(move || login.is_in(&file)).await;
    if !is_right.unwrap_or(false) {
        return Err(unauthorized());
    }
    *shared.known_login.borrow_mut() = Some(known);
    Ok(Caller::by_password())
}
