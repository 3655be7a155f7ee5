use super::commands;
use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use telemetry_runtime::command_line::as_getopt;

/// The programs whose command lines are those of C programs, and the commands of telemctl that take options alone. Nothing
/// is required, or requires another, and any text is a value: here it is a matter of which option is meant.
fn command_lines() -> Vec<Command> {
    let ours = commands().into_iter().filter(|command| command.get_name() != "telem-collector");
    let all = ours.flat_map(|command| {
        let below: Vec<_> = command.get_subcommands().cloned().collect();
        [command].into_iter().chain(below)
    });
    let options_alone = all.filter(|command| {
        command.get_name() == "telemctl"
            || !command.has_subcommands() && command.get_positionals().count() == 0
    });
    options_alone.map(|command| as_getopt(lenient(command))).collect()
}

fn lenient(command: Command) -> Command {
    let command = command.version("1").subcommand_required(false).arg_required_else_help(false);
    command.mut_args(|arg| {
        let arg = arg.required(false).requires(Resettable::Reset);
        if arg.get_action().takes_values() { arg.value_parser(clap::value_parser!(String)) } else { arg }
    })
}

/// Options that are no question for help or the version.
fn options(command: &Command) -> Vec<&Arg> {
    let is_set =
        |arg: &&Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::SetTrue | ArgAction::Append);
    command.get_arguments().filter(is_set).collect()
}

fn parsed(command: &Command, words: &[&str]) -> Result<ArgMatches, ErrorKind> {
    let words = [&[command.get_name()], words].concat();
    command.clone().try_get_matches_from(words).map_err(|error| error.kind())
}

/// The last value of an option in this line.
fn value(command: &Command, option: &Arg, words: &[&str]) -> String {
    let matches = parsed(command, words).unwrap_or_else(|kind| panic!("{words:?}: {kind}"));
    let values = matches.get_many::<String>(option.get_id().as_str());
    values.and_then(Iterator::last).unwrap_or_else(|| panic!("{words:?} is not {}", option.get_id())).clone()
}

fn is_set(command: &Command, option: &Arg, words: &[&str]) -> bool {
    parsed(command, words).is_ok_and(|matches| matches.get_flag(option.get_id().as_str()))
}

/// Long names of an option, those that no help shows among them.
fn long_names(option: &Arg) -> Vec<&str> {
    option
        .get_long_and_visible_aliases()
        .into_iter()
        .flatten()
        .chain(option.get_aliases().into_iter().flatten())
        .collect()
}

#[test]
fn no_command_line_contradicts_itself() {
    for command in commands() {
        command.debug_assert();
    }
}

#[test]
fn the_last_of_a_repeated_option_counts() {
    let mut checked = 0;
    for command in command_lines() {
        for option in options(&command) {
            let names = long_names(option).into_iter().map(|name| format!("--{name}"));
            let names: Vec<_> = names.chain(option.get_short().map(|short| format!("-{short}"))).collect();
            for (first, last) in names.iter().zip(names.iter().rev()) {
                checked += 1;
                if option.get_action().takes_values() {
                    let line = [first.as_str(), "first", last, "last"];
                    assert_eq!(value(&command, option, &line), "last", "{} {line:?}", command.get_name());
                } else {
                    assert!(
                        is_set(&command, option, &[first, last]),
                        "{} {first} {last}",
                        command.get_name()
                    );
                }
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn a_value_is_what_follows_whatever_it_begins_with() {
    for command in command_lines() {
        for option in options(&command).into_iter().filter(|option| option.get_action().takes_values()) {
            let long = long_names(option).first().map(|name| format!("--{name}")).unwrap();
            let short = option.get_short().map(|short| format!("-{short}"));
            for text in ["-text", "--help", "-1", "--", "-", "a=b"] {
                for name in [Some(&long), short.as_ref()].into_iter().flatten() {
                    assert_eq!(value(&command, option, &[name, text]), text, "{name}");
                }
                assert_eq!(value(&command, option, &[&format!("{long}={text}")]), text);
                if let Some(short) = &short {
                    assert_eq!(value(&command, option, &[&format!("{short}{text}")]), text);
                }
            }
        }
    }
}

#[test]
fn long_names_may_be_cut_short_while_they_mean_one_option() {
    let (mut taken, mut ambiguous) = (0, 0);
    for command in command_lines() {
        let all: Vec<_> = command.get_arguments().map(long_names).collect();
        for option in options(&command) {
            let own = long_names(option);
            let heads = own.iter().flat_map(|name| (1..name.len()).filter_map(|end| name.get(..end)));
            for head in heads.filter(|head| !all.iter().flatten().any(|name| name == head)) {
                let meant =
                    all.iter().filter(|names| names.iter().any(|name| name.starts_with(head))).count();
                // --help and --version of clap's own are not among the arguments yet.
                let meant = meant + ["help", "version"].iter().filter(|name| name.starts_with(head)).count();
                let word = format!("--{head}");
                let place = format!("{} {word}", command.get_name());
                if meant > 1 {
                    ambiguous += 1;
                    let kind = parsed(&command, &[&word]).err();
                    assert_eq!(kind, Some(ErrorKind::UnknownArgument), "{place}");
                } else if option.get_action().takes_values() {
                    taken += 1;
                    assert_eq!(value(&command, option, &[&word, "x"]), "x", "{place}");
                } else {
                    taken += 1;
                    assert!(is_set(&command, option, &[&word]), "{place}");
                }
            }
        }
    }
    assert!(taken > 200 && ambiguous > 10, "{taken} {ambiguous}");
}

#[test]
fn short_options_stand_together() {
    for command in command_lines() {
        let options = options(&command);
        let flags: Vec<_> = options.iter().filter(|option| !option.get_action().takes_values()).collect();
        let together: String = flags.iter().filter_map(|flag| flag.get_short()).collect();
        if together.is_empty() {
            continue;
        }
        let cluster = format!("-{together}");
        for flag in flags.iter().filter(|flag| flag.get_short().is_some()) {
            assert!(is_set(&command, flag, &[&cluster]), "{} {cluster}", command.get_name());
        }
        let valued =
            options.iter().find(|option| option.get_action().takes_values() && option.get_short().is_some());
        if let Some(short) = valued.and_then(|option| option.get_short()) {
            let option = valued.unwrap();
            assert_eq!(value(&command, option, &[&format!("{cluster}{short}"), "x"]), "x");
            assert_eq!(value(&command, option, &[&format!("{cluster}{short}x")]), "x");
        }
    }
}
