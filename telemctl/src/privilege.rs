//! Who may run what.

use crate::cli::{Command, ConfigArguments, ConfigCommand};
use crate::exit_code::{Failure, MUST_BE_ROOT, Outcome};
use nix::unistd::Uid;

/// Refuses a command on the system's installation to all but root, where it changes the machine or reads
/// what is root's. On a private instance the permissions of the files decide.
pub(crate) fn check(command: &Command, has_own_config: bool, user: Uid) -> Outcome {
    if needs_root(command) && !has_own_config && !user.is_root() {
        return Err(Failure::Fixed(MUST_BE_ROOT));
    }
    Ok(())
}

fn needs_root(command: &Command) -> bool {
    match command {
        Command::IsActive
        | Command::Status(_)
        | Command::Doctor(_)
        | Command::Preview(_)
        | Command::Check(_)
        | Command::Snmp(_)
        | Command::MonitoringParams(_)
        | Command::CrashTestChild => false,
        Command::Config(ConfigArguments { command, .. }) => {
            matches!(command, Some(ConfigCommand::Set { .. }))
        }
        Command::Start
        | Command::Stop
        | Command::Restart
        | Command::OptIn
        | Command::OptOut(_)
        | Command::ForgetOnce
        | Command::Journal(_)
        | Command::CrashTest
        | Command::WriteUnits
        | Command::Rejected(_)
        | Command::Spool(_)
        | Command::Identity(_)
        | Command::Trust(_)
        | Command::Pull(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        JournalArguments, OptOutArguments, OutputFormat, PreviewArguments, PullArguments, RejectedCommand,
        SpoolCommand, StatusArguments,
    };

    #[test]
    fn root_is_needed_for_the_system_but_not_to_look() {
        let user = Uid::from_raw(1000);
        let config =
            |command| Command::Config(ConfigArguments { format: OutputFormat { json: false }, command });
        for (command, allowed) in [
            (Command::Start, false),
            (Command::Stop, false),
            (Command::Restart, false),
            (Command::OptIn, false),
            (Command::OptOut(OptOutArguments::default()), false),
            (Command::Journal(JournalArguments::default()), false),
            (Command::IsActive, true),
            (Command::Status(StatusArguments::default()), true),
            (Command::Doctor(OutputFormat { json: true }), true),
            (Command::Rejected(RejectedCommand::List(OutputFormat { json: true })), false),
            (Command::Preview(PreviewArguments { json: false, environment: false, audience: None }), true),
            (Command::Pull(PullArguments { command: None }), false),
            (Command::CrashTest, false),
            (Command::WriteUnits, false),
            (Command::Spool(SpoolCommand::Split), false),
            (config(None), true),
            (config(Some(ConfigCommand::Check)), true),
            (config(Some(ConfigCommand::Set { key: String::new(), value: String::new() })), false),
        ] {
            assert_eq!(check(&command, false, user).is_ok(), allowed, "{command:?}");
            assert!(check(&command, true, user).is_ok(), "{command:?}");
            assert!(check(&command, false, Uid::from_raw(0)).is_ok(), "{command:?}");
        }
    }
}
