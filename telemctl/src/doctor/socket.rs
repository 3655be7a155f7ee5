//! telemprobd's socket: there, listened on, open to every program, and not somebody else's.

use super::finding::Finding;
use super::ownership::{DaemonUser, Kind, Seen, name_of};
use crate::status::SocketStatus;

const ABOUT: &str = "socket";

/// Whoever may write to a socket may connect to it.
const WRITABLE_FOR_ALL: u32 = 0o222;

pub(super) fn check(socket: &SocketStatus, opted_in: bool, user: &DaemonUser, start: &str) -> Finding {
    judge(socket, &Seen::at(&socket.path), opted_in, user, start)
}

fn judge(socket: &SocketStatus, seen: &Seen, opted_in: bool, user: &DaemonUser, start: &str) -> Finding {
    let shown = socket.path.display();
    if !opted_in {
        return if socket.listening {
            let text = format!("{shown}: somebody listens, though this machine is not opted in");
            Finding::warning(ABOUT, text, "`telemctl stop`, or `telemctl opt-in`")
        } else {
            Finding::ok(ABOUT, format!("{shown}: nobody listens, as it should be without consent"))
        };
    }
    if let Some(error) = &socket.error {
        let is_hidden = *seen == Seen::Hidden;
        let remedy = if is_hidden { "run this as root" } else { start };
        let finding = if is_hidden { Finding::warning } else { Finding::error };
        return finding(ABOUT, format!("{shown}: {error}"), remedy);
    }
    let Seen::There(standing) = seen else {
        return Finding::ok(ABOUT, format!("{shown}: somebody listens"));
    };
    if standing.kind != Kind::Socket {
        let text = format!("{shown} is no socket any more, though somebody listens on one of that name");
        return Finding::error(ABOUT, text, start);
    }
    // systemd makes it as root.
    if ![0, user.uid].contains(&standing.uid) {
        let text = format!("{shown} belongs to {}, who gets every record", name_of(standing.uid));
        return Finding::error(ABOUT, text, "`ss -xlp` shows which program it is; stop it");
    }
    if standing.mode & WRITABLE_FOR_ALL != WRITABLE_FOR_ALL {
        let text = format!("{shown} has mode {:04o}: not every program can send", standing.mode);
        return Finding::error(ABOUT, text, format!("`chmod 0666 {shown}`"));
    }
    Finding::ok(ABOUT, format!("{shown}: somebody listens"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::super::ownership::Standing;
    use super::*;

    #[test]
    fn every_state_of_the_socket() {
        let user = DaemonUser { uid: 7, name: "telemetry".to_owned() };
        let there = |kind, uid, mode| Seen::There(Standing { kind, uid, mode });
        for (opted_in, error, seen, level, part) in [
            (true, None, there(Kind::Socket, 7, 0o666), Level::Ok, "/s: somebody listens"),
            (true, None, there(Kind::Socket, 0, 0o777), Level::Ok, "/s: somebody listens"),
            (
                true,
                None,
                there(Kind::Socket, 4_000_000_000, 0o666),
                Level::Error,
                "user 4000000000, who gets",
            ),
            (true, None, there(Kind::Socket, 7, 0o660), Level::Error, "mode 0660"),
            (true, None, there(Kind::File, 7, 0o666), Level::Error, "no socket any more"),
            (true, Some("there is no such file"), Seen::Missing, Level::Error, "no such file; start it"),
            (true, Some("nobody listens on it"), there(Kind::Socket, 7, 0o666), Level::Error, "start it"),
            (true, Some("Permission denied"), Seen::Hidden, Level::Warning, "run this as root"),
            (false, None, there(Kind::Socket, 7, 0o666), Level::Warning, "not opted in"),
            (false, Some("there is no such file"), Seen::Missing, Level::Ok, "as it should be"),
        ] {
            let error = error.map(str::to_owned);
            let socket = SocketStatus { path: "/s".into(), listening: error.is_none(), error };
            assert_finding(&judge(&socket, &seen, opted_in, &user, "start it"), level, part);
        }
    }
}
