//! `pull`: whom telempulld answers that asks how this machine is.

mod rights;
mod status;
mod words;

pub(crate) use rights::{Rights, central_client, params_file};
pub(crate) use status::is_nobody_trusted;
pub(crate) use words::switched_on;

use crate::cli::{PullArguments, PullCommand};
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::trust::{self, Files};
use crate::{identity, local_time};
use std::io::Write;
use telemetry_trust::{Grammar, Role, TrustList};
use telempull_answers::access::Caller;
use telempull_answers::settings::SERVICE;

/// Roles that mean something to telempulld.
const ROLES: [Role; 3] = [Role::Pull, Role::Read, Role::Administrate];

/// Runs the command.
///
/// # Errors
/// It was not done.
pub(crate) fn run(installation: &Installation, arguments: &PullArguments, out: &mut dyn Write) -> Outcome {
    match &arguments.command {
        None | Some(PullCommand::Status) => status::print(installation, out),
        Some(PullCommand::FirstUse { minutes }) => first_use(installation, *minutes, out),
        Some(PullCommand::Trust { fingerprint, words }) => add(installation, fingerprint, words, out),
        Some(PullCommand::Remove { fingerprint }) => remove(installation, fingerprint, out),
    }
}

/// The files of telempulld's trust.
pub(crate) fn files(installation: &Installation) -> Files {
    Files::new(installation, SERVICE)
}

fn first_use(installation: &Installation, minutes: u64, out: &mut dyn Write) -> Outcome {
    let Some(address) = installation.settings.pull.listen else {
        return Err(Failure::message(
            "pull_listen is empty, so that nobody can come; `telemctl config set pull_listen ADDRESS:PORT` sets it",
        ));
    };
    identity::open_window(installation, SERVICE, minutes)?;
    writeln!(
        out,
        "For {minutes} minutes the first client at {address} whose certificate is not known is trusted, with role=pull; \
         then nobody else. `telemctl pull` shows whom that was."
    )
    .map_err(Failure::Output)
}

fn add(installation: &Installation, fingerprint: &str, words: &[String], out: &mut dyn Write) -> Outcome {
    let fingerprint = trust::parse(fingerprint)?;
    let words = words.join(" ");
    let caller = caller(&fingerprint.to_string(), &words)?;
    let comment = format!("added {} by telemctl pull", local_time::format(now_secs(), &local_time::zone()));
    let files = files(installation);
    let is_changed = files.list_with(&fingerprint, &words, &comment)?;
    let settings = &installation.settings.pull;
    let central = central_client(settings).ok().flatten();
    let rights = Rights::new(&caller, settings, central.as_ref());
    let already = if is_changed { "is" } else { "was already" };
    let file = files.path().display();
    let mut print = || {
        writeln!(out, "{fingerprint} {already} listed in {file}. It gets {rights}.")?;
        match settings.listen {
            Some(_) => Ok(()),
            None => writeln!(out, "Note: pull_listen is empty, so that nobody can come by the network."),
        }
    };
    print().map_err(Failure::Output)
}

/// What a line of these words makes of its certificate, if they are words that telempulld knows.
fn caller(fingerprint: &str, words: &str) -> Result<Caller, Failure> {
    let wrong = |word: &str| {
        Failure::message(format!(
            "{word}: must be role=pull, role=read, role=administrate or client=INSTANCE/CLASS/CODE[/SUBSYSTEM]"
        ))
    };
    if let Some(word) = words.split_whitespace().find(|word| !word.contains('=')) {
        return Err(wrong(word));
    }
    let line = format!("{fingerprint} {words}\n");
    let list = TrustList::parse(line.as_bytes(), Grammar::Administrators)
        .map_err(|error| Failure::message(error.to_string()))?;
    let Some(certificate) = list.certificates().first() else { return Err(wrong(words)) };
    let caller = Caller::of_line(&certificate.words);
    let is_other_role = certificate.words.roles.iter().any(|role| !ROLES.contains(role));
    if !certificate.words.servers.is_empty() || is_other_role {
        return Err(wrong(words));
    }
    match &certificate.words.client {
        Some(client) if caller.client.is_none() => Err(wrong(&format!("client={client}"))),
        _ => Ok(caller),
    }
}

fn remove(installation: &Installation, fingerprint: &str, out: &mut dyn Write) -> Outcome {
    let fingerprint = trust::parse(fingerprint)?;
    if !files(installation).remove(&fingerprint)? {
        return Err(Failure::message(format!("{fingerprint} is not trusted; `telemctl pull` shows who is")));
    }
    writeln!(out, "{fingerprint} is not trusted any more.").map_err(Failure::Output)
}

fn now_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_trust::Fingerprint;

    #[test]
    fn words_that_mean_nothing_here_are_refused() {
        let fingerprint = Fingerprint::of_der(b"x").to_string();
        for right in
            ["", "role=pull", "role=read role=administrate", "client=A/B/1", "client=A/B/1/S role=read"]
        {
            assert!(caller(&fingerprint, right).is_ok(), "{right}");
        }
        for wrong in [
            "pull",
            "role=deliver",
            "role=fetch",
            "role=x",
            "server=a:1",
            "client=A/B",
            "client=A/B/\u{7}",
            "next-of=1",
            "role=read monitoring",
        ] {
            assert!(caller(&fingerprint, wrong).is_err(), "{wrong}");
        }
    }
}
