//! The socket unit of telempulld: a function of values.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use telemetry_config::pull::LocalAddress;

/// The user whom telempulld runs as.
const USER: &str = "telemetry";

/// The unit; none where nobody may ask. telempulld distinguishes its sockets by their addresses.
pub fn text(listen: Option<SocketAddr>, local: Option<&LocalAddress>, etc_dir: &Path) -> Option<String> {
    let local = local.map(|local| match local {
        LocalAddress::Socket(path) => line(path.display()),
        LocalAddress::Loopback(address) => line(address),
    });
    let listen: String = listen.map(line).into_iter().chain(local).collect();
    if listen.is_empty() {
        return None;
    }
    // `%` begins a specifier of systemd's; the addresses have none.
    let consent = etc_dir.join("opt-in").display().to_string().replace('%', "%%");
    // FreeBind=: an address may come later than the sockets. RemoveOnStop=: where nobody listens, nobody waits for an answer.
    Some(format!(
        "# Written by telemetrics-generator, from pull_listen and pull_local.\n\
         [Unit]\n\
         Description=Where somebody may ask how this machine is\n\
         Documentation=man:telempulld(1) man:telemetrics.conf(5)\n\
         ConditionPathExists={consent}\n\
         \n\
         [Socket]\n\
         {listen}\
         SocketUser={USER}\n\
         SocketGroup={USER}\n\
         SocketMode=0660\n\
         FreeBind=yes\n\
         RemoveOnStop=yes\n"
    ))
}

fn line(address: impl Display) -> String {
    format!("ListenStream={address}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    fn streams(listen: &str, local: &str) -> Option<Vec<String>> {
        let listen = (!listen.is_empty()).then(|| listen.parse().unwrap());
        let local = (!local.is_empty()).then(|| local.parse().unwrap());
        let text = text(listen, local.as_ref(), Path::new("/etc/x"))?;
        assert!(text.contains("\nConditionPathExists=/etc/x/opt-in\n"), "{text}");
        let lines = text.lines().filter_map(|line| line.strip_prefix("ListenStream="));
        Some(lines.map(str::to_owned).collect())
    }

    #[test]
    fn each_address_is_listened_at_and_none_is_no_unit() {
        assert_eq!(streams("", ""), None);
        for (listen, local, expected) in [
            ("[::]:9100", "", &["[::]:9100"][..]),
            ("", "/run/a b", &["/run/a b"]),
            ("192.0.2.1:9100", "[::1]:9101", &["192.0.2.1:9100", "[::1]:9101"]),
        ] {
            assert_eq!(streams(listen, local).unwrap(), expected);
        }
    }

    #[test]
    fn systemd_takes_it() {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalAddress::Socket("/run/a socket".into());
        let text = text(Some("[::1]:9100".parse().unwrap()), Some(&local), Path::new("/etc/100%"));
        fs::write(dir.path().join("telempulld.socket"), text.unwrap()).unwrap();
        let service = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n";
        fs::write(dir.path().join("telempulld.service"), service).unwrap();
        let Ok(output) = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "./telempulld.socket", "./telempulld.service"])
            .current_dir(dir.path())
            .output()
        else {
            println!("skipped: no systemd-analyze here");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}
