//! One request by HTTP/1.0, whose answer comes whole and ends with its connection.

use super::connection::Connection;
use super::tls;
use crate::result::Measured;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};
use telemetry_store::check_states::State;

/// Of an answer, so much is read, in bytes.
const ANSWER_BYTES: usize = 256 * 1024;

/// Asks for a page. What does not answer, or otherwise than it should, is critical.
pub(super) fn get(
    url: &str,
    status: Option<u16>,
    text: Option<&str>,
    timeout: Duration,
) -> Result<Measured, String> {
    let begun = Instant::now();
    let answer = request(url, timeout);
    let url = shown(url);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(Measured::verdict(State::Critical, format!("{url}: {error}"))),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let Some(found) = status_of(&answer) else {
        return Ok(Measured::verdict(State::Critical, format!("{url}: is not answered by HTTP")));
    };
    let measured = Measured::value(seconds, format!("{url} answers {found} in {seconds:.3} s"));
    let is_good = status.map_or((200..400).contains(&found), |status| status == found);
    let has_text = text.is_none_or(|text| contains(&answer, text.as_bytes()));
    Ok(match (is_good, has_text) {
        (true, true) => measured,
        (false, _) => Measured { verdict: Some(State::Critical), ..measured },
        (true, false) => Measured {
            verdict: Some(State::Critical),
            text: format!("{url} answers {found} without the text"),
            ..measured
        },
    })
}

/// A URL as it may be reported: its query often holds a key.
fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn request(url: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    let (is_tls, rest) = match url.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("http://").unwrap_or(url)),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let address = match (has_port, is_tls) {
        (true, _) => host.to_owned(),
        (false, true) => format!("{host}:443"),
        (false, false) => format!("{host}:80"),
    };
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: checkprobe\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let stream = Connection::open(&address, timeout)?;
    if is_tls {
        let name = address.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
        exchange(tls::verified(stream, &name)?, &request)
    } else {
        exchange(stream, &request)
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> Result<Vec<u8>, String> {
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
    while answer.len() < ANSWER_BYTES && !is_whole(&answer) {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => answer.extend(piece.iter().take(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Some servers close a connection of TLS without a word.
            Err(error) if error.kind() != io::ErrorKind::TimedOut && !answer.is_empty() => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(answer)
}

/// Whether all is there that its length says, so that who leaves the connection open is not waited for.
pub fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths.next().and_then(|(_, length)| length.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len().saturating_sub(end + 4) >= length)
}

/// The status of an answer, in its first line; none where that is not HTTP's.
pub fn status_of(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    let word = line.split(' ').nth(1)?.trim();
    let is_number = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { word.parse().ok().filter(|status| *status >= 100) } else { None }
}

/// Whether the body of an answer has this text; an empty one is in each.
pub fn contains(answer: &[u8], text: &[u8]) -> bool {
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4);
    let is_there = |body: &[u8]| text.is_empty() || body.windows(text.len()).any(|window| window == text);
    answer.get(body..).is_some_and(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// What comes of this answer.
    fn got(
        answer: &'static str,
        path: &str,
        status: Option<u16>,
        text: Option<&str>,
    ) -> (Option<State>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}{path}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let measured = get(&url, status, text, Duration::from_secs(5)).unwrap();
        assert!(!measured.text.contains(['?', '#']), "{}", measured.text);
        (measured.verdict, server.join().unwrap())
    }

    #[test]
    fn status_and_text_decide() {
        let good = "HTTP/1.1 200 OK\r\nX: hidden\r\n\r\nhello world";
        let (verdict, request) = got(good, "/a?b=c#d", None, Some("hello"));
        assert_eq!(verdict, None);
        assert!(request.starts_with("GET /a?b=c HTTP/1.0\r\nHost: 127.0.0.1:"), "{request}");
        assert!(got(good, "?x", Some(200), None).1.starts_with("GET /?x HTTP/1.0\r\n"));
        assert_eq!(got(good, "", Some(404), None).0, Some(State::Critical));
        assert_eq!(got(good, "", None, Some("hidden")).0, Some(State::Critical));
        assert_eq!(got("HTTP/1.0 500 No\r\n\r\n", "", None, None).0, Some(State::Critical));
        assert_eq!(got("SSH-2.0\r\n", "", None, None).0, Some(State::Critical));
        assert_eq!(got("", "", None, None).0, Some(State::Critical));
        let statuses =
            ["HTTP/1.1 204\r\n", "HTTP/1.0 099 x\n", "HTTP/1.1 +20 x\n", "HTTP/1.1 2000 x\n", "HTTP/1.1"];
        assert_eq!(statuses.map(|line| status_of(line.as_bytes())), [Some(204), None, None, None, None]);
        assert!(contains(b"", b"") && contains(good.as_bytes(), b"") && !contains(b"", b"x"));
    }

    #[test]
    fn an_answer_is_whole_or_late() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-length: 5\r\n\r\nhello", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", Some(State::Critical)),
            ("HTTP/1.1 200 OK\r\n", Some(State::Critical)),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
                // It leaves the connection open.
                while stream.read(&mut [0; 1024]).unwrap_or(0) > 0 {}
            });
            let measured = get(&url, None, None, Duration::from_millis(500)).unwrap();
            assert_eq!(measured.verdict, expected, "{answer}: {}", measured.text);
            server.join().unwrap();
        }
    }
}
