//! A command line without what it hides from people: clap_complete offers hidden commands in every shell.

use clap::Command;

/// The part of `command` that its `--help` shows.
pub(crate) fn offered(command: &Command) -> Command {
    let mut shown = Command::new(name(command))
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned())
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()).map(offered))
        .disable_version_flag(command.is_disable_version_flag_set())
        .propagate_version(command.is_propagate_version_set());
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if command.get_version().is_some() {
        shown = shown.version(env!("CARGO_PKG_VERSION"));
    }
    shown
}

/// clap takes names that live as long as the process, which is short here.
fn name(command: &Command) -> &'static str {
    command.get_name().to_owned().leak()
}
