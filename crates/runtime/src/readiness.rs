//! The daemon's state as reported to systemd (sd_notify(3)), where systemd asked for it. A service manager that cannot be
//! reached is no reason to stop.

use sd_notify::NotifyState;

/// The daemon is serving.
pub fn ready() {
    send(&[NotifyState::Ready]);
}

/// The daemon is reloading its configuration; [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// The daemon is stopping.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// A line for `systemctl status`.
pub fn status(text: &str) {
    send(&[NotifyState::Status(text)]);
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("systemd could not be notified: {error}");
    }
}
