//! Which unit failed, and how.

use crate::groups::limits::{LINE_BYTES, TOKEN_BYTES};
use crate::groups::names::sentence;
use crate::groups::payload::Payload;
use crate::groups::text::{Pattern, clean, cut, group, replace};
use regex::Regex;

const TYPES: [&str; 11] = [
    "service",
    "socket",
    "mount",
    "automount",
    "timer",
    "scope",
    "slice",
    "target",
    "path",
    "swap",
    "device",
];

/// `code=exited, status=3/NOTIMPLEMENTED`
static CODE: Pattern = Pattern::new(|| Regex::new(r"code=([a-z]+)").ok());
static STATUS: Pattern = Pattern::new(|| Regex::new(r"status=([0-9]+)").ok());
static SIGNAL: Pattern = Pattern::new(|| Regex::new(r"status=[0-9]+/([A-Z0-9]+)").ok());
/// `Failed with result 'timeout'.`
static RESULT: Pattern = Pattern::new(|| Regex::new(r"(?:result|Result:) ?'([a-z-]+)'").ok());
/// Names that are made up at each run have an id or a number.
static MADE_UP: Pattern = Pattern::new(|| Regex::new(r"[0-9a-f]{16,}|[0-9]+").ok());

/// The unit as it stands there, from `UNIT=` or the head of the message; none if the record names none.
pub(crate) fn unit_of<'a>(payload: &Payload<'a>) -> Option<&'a str> {
    let named = payload.unit.filter(|unit| !unit.is_empty());
    named.or_else(|| {
        let (head, _) = payload.message.unwrap_or(payload.first_line).split_once(": ")?;
        let (name, kind) = head.rsplit_once('.')?;
        (!name.is_empty() && !head.contains(' ') && TYPES.contains(&kind)).then_some(head)
    })
}

/// The unit without what differs from one instance or run to the next: `backup@.service`, `run-(number).service`.
pub(super) fn lasting_name(unit: &str) -> String {
    let unit = clean(cut(unit, TOKEN_BYTES));
    if let Some((template, rest)) = unit.split_once('@') {
        let kind = rest.rsplit_once('.').map(|(_, kind)| kind).filter(|kind| TYPES.contains(kind));
        return format!("{template}@.{}", kind.unwrap_or("service"));
    }
    let is_made_up = ["run-", "session-", "machine-", "user-", "app-", "docker-", "libpod-", "crio-"]
        .iter()
        .any(|start| unit.starts_with(start));
    if is_made_up { replace(&unit, &MADE_UP, "(number)") } else { unit }
}

/// How it ended: `exited, 3`; `killed, SEGV`; `failed, timeout`; else what the message says.
pub(super) fn ending(payload: &Payload<'_>, unit: &str) -> String {
    let message = cut(payload.message.unwrap_or(payload.first_line), LINE_BYTES);
    if let Some(code) = group(message, &CODE, 1) {
        let signal = group(message, &SIGNAL, 1).filter(|_| code != "exited");
        return match signal.or_else(|| group(message, &STATUS, 1)) {
            Some(status) => format!("{code}, {status}"),
            None => code.to_owned(),
        };
    }
    if let Some(result) = group(message, &RESULT, 1) {
        return format!("failed, {result}");
    }
    let text = message.strip_prefix(unit).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(message);
    let text = sentence(text);
    if text.is_empty() { "failed".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let payload = Payload::parse(text);
        let unit = unit_of(&payload).unwrap();
        format!("{}: {}", lasting_name(unit), ending(&payload, unit))
    }

    #[test]
    fn units_and_how_they_ended() {
        for (text, expected) in [
            (
                "MESSAGE=backup@home.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED\nUNIT=backup@home.service\n",
                "backup@.service: exited, 3",
            ),
            (
                "MESSAGE=a.service: Main process exited, code=killed, status=11/SEGV\n",
                "a.service: killed, SEGV",
            ),
            (
                "MESSAGE=a.service: Main process exited, code=dumped, status=6/ABRT\n",
                "a.service: dumped, ABRT",
            ),
            (
                "MESSAGE=a.service: Failed with result 'timeout'.\nUNIT=a.service\n",
                "a.service: failed, timeout",
            ),
            ("MESSAGE=a.service: Control process exited, code=exited status=1\n", "a.service: exited, 1"),
            (
                "MESSAGE=worker 17 of 20 is gone\nUNIT=a.service\n",
                "a.service: worker (number) of (number) is gone",
            ),
            ("MESSAGE=\nUNIT=a.service\n", "a.service: failed"),
            ("MESSAGE=x\nUNIT=run-r5de9de8d5f3c6a7d445d75ba01cc3322.service\n", "run-r(number).service: x"),
            ("MESSAGE=x\nUNIT=run-u12.service\n", "run-u(number).service: x"),
            ("MESSAGE=x\nUNIT=session-12.scope\n", "session-(number).scope: x"),
            ("MESSAGE=x\nUNIT=user@1000.service\n", "user@.service: x"),
            ("a.mount: Mount process exited, code=exited, status=32/n/a\n", "a.mount: exited, 32"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_names_no_unit() {
        for text in [
            "",
            "MESSAGE=x\n",
            "MESSAGE=a service: x\n",
            "MESSAGE=.service: x\n",
            "MESSAGE=a.conf: x\nUNIT=\n",
        ] {
            assert_eq!(unit_of(&Payload::parse(text)), None, "{text}");
        }
    }
}
