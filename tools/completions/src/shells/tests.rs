use super::*;
use crate::programs::commands;
use std::process::Command as Process;

/// What bash offers behind `words`, the last of which is being typed.
fn offered_by_bash(folder: &Path, words: &[&str]) -> Vec<String> {
    let program = words[0];
    let script = folder.join("bash").join(program);
    let asked = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _{} {program} \"${{COMP_WORDS[-1]}}\" '{}'; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
        program.replace('-', "__"),
        words[words.len() - 2],
    );
    let output = Process::new("bash").args(["--norc", "-c", &asked]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let dir = tempfile::tempdir().unwrap();
    write_all(&commands(), dir.path()).unwrap();
    for (words, expected) in [
        (&["telemctl", "opt"][..], &["opt-in", "opt-out"][..]),
        (&["telemctl", "crash"], &["crash-test"]),
        (&["telemctl", "status", "--pro"], &["--prometheus"]),
        (&["telemctl", "rejected", "re"], &["retry"]),
        (&["telempostd", "--config"], &["--config-file", "--config_file"]),
        (&["hprobe", "--h"], &["--heartbeat", "--help"]),
        (&["telem-collector", "--data"], &["--database", "--database-file"]),
    ] {
        let mut offered = offered_by_bash(dir.path(), words);
        offered.sort();
        offered.dedup();
        assert_eq!(offered, expected, "{words:?}");
    }
}

#[test]
fn every_program_has_a_file_for_every_shell_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let commands = commands();
    write_all(&commands, dir.path()).unwrap();
    for command in &commands {
        let program = command.get_name();
        for (file, named) in [
            (format!("bash/{program}"), format!(" {program}\n")),
            (format!("zsh/_{program}"), format!("#compdef {program}\n")),
            (format!("fish/{program}.fish"), format!("complete -c {program} ")),
        ] {
            let text = fs::read_to_string(dir.path().join(&file)).unwrap();
            assert!(text.contains(&named), "{file} does not say {named:?}");
        }
    }
    let files: usize =
        SHELLS.iter().map(|shell| fs::read_dir(dir.path().join(shell.0)).unwrap().count()).sum();
    assert_eq!(files, 3 * commands.len());
}

#[test]
fn hidden_commands_are_offered_in_no_shell() {
    let dir = tempfile::tempdir().unwrap();
    let hidden: Vec<_> = commands()
        .iter()
        .flat_map(|command| {
            command.get_subcommands().filter(|command| command.is_hide_set()).cloned().collect::<Vec<_>>()
        })
        .collect();
    assert!(!hidden.is_empty(), "nothing is hidden: this test has lost its case");
    write_all(&commands(), dir.path()).unwrap();
    for file in ["bash/telemctl", "zsh/_telemctl", "fish/telemctl.fish"] {
        let text = fs::read_to_string(dir.path().join(file)).unwrap();
        for command in &hidden {
            assert!(!text.contains(command.get_name()), "{file} offers {}", command.get_name());
        }
    }
}

#[test]
fn a_directory_that_can_not_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write_all(&commands(), &file.join("below")).unwrap_err();
    assert!(error.to_string().contains("file/below/bash"), "{error}");
}
