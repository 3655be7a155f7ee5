//! What is switched on, in plain words.

use telemetry_config::pull::LocalAddress;
use telempull_answers::settings::Settings;

/// Who may ask where, and what for; none where nobody may.
pub(crate) fn switched_on(settings: &Settings) -> Option<String> {
    let remote = settings.listen.map(|address| {
        let who = match settings.password_file {
            Some(_) => "a certificate that is trusted, or a password,",
            None => "a certificate that is trusted",
        };
        format!("whoever has {who} may ask at {address} how this machine is")
    });
    let local = settings.local.as_ref().map(|local| match local {
        LocalAddress::Socket(path) => {
            format!("programs of the group telemetry may ask at {}", path.display())
        }
        LocalAddress::Loopback(address) => format!("programs of this machine may ask at {address}"),
    });
    let ways: Vec<_> = [remote, local].into_iter().flatten().collect();
    if ways.is_empty() {
        return None;
    }
    let soap =
        settings.server().map_or(String::new(), |server| format!(", by X-Road's SOAP as {server} as well"));
    let limit = match settings.is_limited {
        true => "; others than the owner get the operating system, certificates and our version alone",
        false => "",
    };
    Some(format!("{}{soap}{limit}", ways.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;

    #[test]
    fn what_is_on_is_said_in_words() {
        for (lines, expected) in [
            ("", None),
            ("member=A/B/1", None),
            (
                "pull_listen=192.0.2.1:9100",
                Some(
                    "whoever has a certificate that is trusted may ask at 192.0.2.1:9100 how this machine is",
                ),
            ),
            (
                "pull_local=/run/x\nmember=A/B/1\nserver_code=s",
                Some(
                    "programs of the group telemetry may ask at /run/x, by X-Road's SOAP as SERVER:A/B/1/s as well",
                ),
            ),
            (
                "pull_listen=[::]:1\npull_local=127.0.0.1:2\npull_password_file=/p\nlimit_remote_data_set=1",
                Some(
                    "whoever has a certificate that is trusted, or a password, may ask at [::]:1 how this machine is; \
                     programs of this machine may ask at 127.0.0.1:2; others than the owner get the operating system, \
                     certificates and our version alone",
                ),
            ),
        ] {
            let text = format!("[settings]\n{lines}\n");
            let configuration = Configuration::parse(std::path::Path::new("/f"), &text).unwrap();
            let words = switched_on(&Settings::read(&configuration).unwrap());
            assert_eq!(words.as_deref(), expected, "{lines}");
        }
    }
}
