//! Faults, in both spellings: `Server.ServerProxy.AccessDenied` up to X-Road 7.7, `server.serverproxy.access_denied` since.

use roxmltree::Node;
use telemetry_xroad::xml::{content, repeated};

/// What a fault says, with a remedy where there is one.
pub(super) fn explain(fault: Node<'_, '_>) -> String {
    let child =
        |name: &str| fault.children().find(|node| node.is_element() && node.tag_name().name() == name);
    let text = |name: &str| child(name).map(content).unwrap_or_default();
    let (code, words) = (text("faultcode"), text("faultstring"));
    let kind = kind(&code);
    let remedy = remedy(&kind).map(|remedy| format!("; {remedy}")).unwrap_or_default();
    format!("it answers with the fault {}: {}{remedy}", repeated(&code), repeated(&words))
}

/// The last part of a code, without case and underscores: the same in both spellings.
fn kind(code: &str) -> String {
    let last = code.rsplit(['.', ':']).next().unwrap_or_default();
    last.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

fn remedy(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "accessdenied" => {
            "client= has to be the owner of that server or the one of its monitoring-params, and to have this \
             collector's certificate there"
        }
        "unknownservice" => "service= or server= has to name the owner of that server",
        "invalidsecurityserver" => "server= is another server than the one that answers",
        "unknownmember" => "client= is no member there",
        "servicefailed" | "networkerror" | "ioerror" | "sslauthenticationfailed" => {
            "the security server that was asked does not reach that one"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_kind() {
        for code in [
            "Server.ServerProxy.AccessDenied",
            "server.serverproxy.access_denied",
            "SOAP-ENV:Server.ClientProxy.AccessDenied",
        ] {
            assert_eq!(kind(code), "accessdenied", "{code}");
            assert!(remedy(&kind(code)).is_some());
        }
        assert_eq!(kind("Client"), "client");
        assert_eq!(kind(""), "");
    }
}
