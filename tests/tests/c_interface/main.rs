//! The C interface: the shared library as it is installed, its header, and C programs that use both.
//!
//! `make build-debug` builds the static library that this links; cargo offers a test no way to ask for it.

mod artifacts;
mod command;
mod far_end;

use artifacts::{cc, compiled, crate_dir, is_there, library, program, source, without_shared_libraries};
use command::{output, run, stdout};
use far_end::FarEnd;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use telemetry_record::header::Header;

/// Version nodes of the interface, oldest first, each with its symbols.
const NODES: [(&str, &[&str]); 5] = [
    ("TM_1_0_0", &["tm_set_config_file"]),
    ("TM_2_0_0", &["tm_free_record"]),
    ("TM_3_0_0", &["tm_create_record", "tm_send_record", "tm_set_payload"]),
    ("TM_4_0_0", &["tm_set_event_id"]),
    ("TM_4_1_0", &["tm_is_opted_in"]),
];

#[test]
fn the_library_exports_the_seven_symbols_in_their_version_nodes() {
    let library = library().join("libtelemetry.so.4.0.1");
    let symbols = stdout(run(Command::new("readelf").args(["--dyn-syms", "-W"]).arg(&library)));
    let exported: BTreeSet<String> = symbols
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        // Num Value Size Type Bind Vis Ndx Name; ABS are the nodes themselves.
        .filter(|fields| {
            fields.len() >= 8 && fields[0].ends_with(':') && !matches!(fields[6], "Ndx" | "UND" | "ABS")
        })
        .map(|fields| fields[7].to_owned())
        .collect();
    let expected = NODES
        .iter()
        .flat_map(|(node, symbols)| symbols.iter().map(move |symbol| format!("{symbol}@@{node}")))
        .collect();
    assert_eq!(exported, expected);
}

#[test]
fn each_version_node_inherits_from_the_one_before() {
    let library = library().join("libtelemetry.so.4.0.1");
    let text = stdout(run(Command::new("readelf").args(["--version-info", "-W"]).arg(library)));
    let definitions = text.split("Version definition section").nth(1).unwrap();
    let definitions = definitions.split("Version needs section").next().unwrap();
    let names: Vec<String> = definitions
        .lines()
        .filter_map(|line| {
            let (before, name) = line.rsplit_once(": ")?;
            let parent = before.contains("Parent");
            (parent || before.ends_with("Name")).then(|| format!("{}{name}", if parent { "< " } else { "" }))
        })
        .collect();
    assert_eq!(
        names,
        [
            "libtelemetry.so.4",
            "TM_1_0_0",
            "TM_2_0_0",
            "< TM_1_0_0",
            "TM_3_0_0",
            "< TM_2_0_0",
            "TM_4_0_0",
            "< TM_3_0_0",
            "TM_4_1_0",
            "< TM_4_0_0",
        ]
    );
}

/// The crate getrandom would otherwise keep `/dev/urandom` open in such a program, whatever the descriptor is by now.
#[test]
fn ids_of_a_static_program_are_random_though_it_closes_all_descriptors() {
    let Some(program) = without_shared_libraries("static_ids") else {
        println!("skipped: the C library is not there to be linked statically");
        return;
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "A".repeat(4096)).unwrap();
    let printed = stdout(run(Command::new(program).arg(file.path())));
    let ids: BTreeSet<_> = printed.lines().map(|line| line.strip_prefix("event_id: ").unwrap()).collect();
    assert_eq!(ids.len(), 9, "{printed}");
    assert!(ids.iter().all(|id| id.len() == 32 && !id.contains("41414141")), "{printed}");
}

#[test]
fn the_library_has_its_soname_and_its_links() {
    let dynamic =
        stdout(run(Command::new("readelf").args(["-d", "-W"]).arg(library().join("libtelemetry.so"))));
    assert!(dynamic.contains("Library soname: [libtelemetry.so.4]"), "{dynamic}");
    assert!(dynamic.contains("NOW"), "{dynamic}");
    for (link, target) in
        [("libtelemetry.so", "libtelemetry.so.4"), ("libtelemetry.so.4", "libtelemetry.so.4.0.1")]
    {
        assert_eq!(fs::read_link(library().join(link)).unwrap(), Path::new(target));
    }
}

/// Programs by what they bring along. The header goes with all of them, in old C and in C++.
const INCLUDERS: [(&str, &str); 3] = [
    ("nothing", "#include <telemetry.h>\n#include <telemetry.h>\nint x = TM_HEADER_COUNT;\n"),
    (
        "a structure of their own",
        "#include <telemetry.h>\n\
         struct telem_record { char *headers[15]; char *payload; size_t header_size; size_t payload_size; };\n\
         char *id(struct telem_ref *ref);\nchar *id(struct telem_ref *ref) { return ref->record->headers[14]; }\n\
         bool is_on(void);\nbool is_on(void) { return tm_is_opted_in() == 1 ? true : false; }\n",
    ),
    (
        "the wish for ours",
        "#define TM_RECORD_LAYOUT\n#include <telemetry.h>\n\
         size_t size(struct telem_ref *ref);\nsize_t size(struct telem_ref *ref) { return ref->record->payload_size; }\n",
    ),
];

#[test]
fn the_header_compiles_as_old_c_and_as_cpp() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("includes.c");
    for (brought, text) in INCLUDERS {
        fs::write(&source, text).unwrap();
        for (compiler, language) in
            [("cc", "-std=c89"), ("cc", "-std=c17"), ("c++", "-std=c++98"), ("c++", "-std=c++17")]
        {
            if compiler == "c++" && !is_there(compiler) {
                println!("skipped: no c++ here (`make deps` installs it)");
                continue;
            }
            println!("{language}, with {brought}");
            let mut command = Command::new(compiler);
            command.args(if compiler == "c++" { ["-x", "c++"].as_slice() } else { &[] });
            command.args([language, "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"]);
            run(command.arg(crate_dir().join("include")).arg(&source));
        }
    }
}

#[test]
fn the_structures_and_the_lines_are_those_of_the_interface() {
    run(&mut program("layout"));
}

#[test]
fn misuse_is_answered_and_never_crashes() {
    let dir = tempfile::tempdir().unwrap();
    run(program("misuse").arg(dir.path()));
}

#[test]
fn misuse_neither_leaks_nor_reads_what_it_should_not() {
    let dir = tempfile::tempdir().unwrap();
    if let Some(mut command) = under_valgrind("misuse") {
        run(command.arg(dir.path()));
    }
}

/// A C program that is watched over; none, and it says so, where there is no valgrind.
fn under_valgrind(name: &str) -> Option<Command> {
    if !is_there("valgrind") {
        println!("skipped: no valgrind here (`make deps` installs it)");
        return None;
    }
    let mut command = Command::new("valgrind");
    // `definite` alone: what the library keeps for the life of the process is held by pointers into blocks.
    command.args(["-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg("--show-leak-kinds=definite").env("LD_LIBRARY_PATH", library()).arg(compiled(name));
    Some(command)
}

#[test]
fn strings_of_a_program_are_sent_and_freed() {
    for command in [Some(program("own_strings")), under_valgrind("own_strings")].iter_mut().flatten() {
        let far_end = FarEnd::new();
        run(command.arg(far_end.config()));
        let message = far_end.message();
        for (header, value) in [
            (Header::Classification, "org.example/own/class"),
            (Header::MachineId, "mine"),
            (Header::Build, "a build of its own, longer than the one that was there: 0123456789 0123456789"),
            (Header::BiosVersion, "none"),
            (Header::EventId, "00000000000000000000000000000abc"),
        ] {
            assert_eq!(message.headers.value(header), value);
        }
        assert_eq!(message.payload, "a payload of its own\n");
    }
}

#[test]
fn threads_and_forked_children_send_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    run(program("threads").arg(dir.path()));
}

#[test]
fn a_cancelled_thread_ends_after_the_call() {
    let dir = tempfile::tempdir().unwrap();
    run(program("cancel").arg(dir.path()));
}

#[test]
fn no_call_changes_the_process_or_lets_a_descriptor_out() {
    let dir = tempfile::tempdir().unwrap();
    run(program("environment").arg(dir.path()));
}

#[test]
fn a_program_sends_what_its_arguments_say() {
    let far_end = FarEnd::new();
    let id = "0123456789abcdef0123456789abcdef";
    let sent = stdout(run(program("send_hello").arg(far_end.config()).arg(id)));
    assert!(sent.contains(id), "{sent}");
    let message = far_end.message();
    assert_eq!(message.config, Some(far_end.config()));
    assert_eq!(message.headers.value(Header::EventId), id);
    assert_eq!(message.headers.value(Header::Classification), "org.clearlinux/hello/from_c");
    assert_eq!(message.payload, "hello from C\n");
}

#[test]
fn a_program_says_why_it_could_not_send() {
    let output = output(program("send_hello").arg("/nonexistent.conf"));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, "send_hello: /nonexistent.conf: No such file or directory\n");
}

#[test]
fn pkg_config_says_how_to_build_a_program() {
    if !is_there("pkg-config") {
        println!("skipped: no pkg-config here (`make deps` installs it)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut text = fs::read_to_string(crate_dir().join("libtelemetry.pc.in")).unwrap();
    for (placeholder, value) in [
        ("@prefix@", Path::new("/usr")),
        ("@includedir@", &crate_dir().join("include")),
        ("@libdir@", library()),
        ("@version@", Path::new("4.0.1")),
    ] {
        text = text.replace(placeholder, value.to_str().unwrap());
    }
    assert!(!text.contains('@'), "{text}");
    fs::write(dir.path().join("libtelemetry.pc"), text).unwrap();
    let mut pkg_config = Command::new("pkg-config");
    let flags =
        pkg_config.env("PKG_CONFIG_PATH", dir.path()).args(["--cflags", "--libs", "libtelemetry = 4.0.1"]);
    let flags = stdout(run(flags));
    run(cc()
        .arg(source("send_hello"))
        .args(flags.split_whitespace())
        .arg("-o")
        .arg(dir.path().join("program")));
}

#[test]
fn a_program_linked_with_another_library_runs_with_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "-Wl,-soname,libtelemetry.so.4,--version-script,{}",
        crate_dir().join("libtelemetry.map").display()
    );
    let other_library = dir.path().join("libtelemetry.so");
    run(cc().args(["-shared", "-fPIC", &script, "-o"]).arg(&other_library).arg(source("existing_library")));
    let executable = dir.path().join("existing_program");
    run(cc().arg("-o").arg(&executable).arg(source("existing_program")).arg(&other_library));

    let far_end = FarEnd::new();
    run(Command::new(executable).arg(far_end.config()).env("LD_LIBRARY_PATH", library()));
    let message = far_end.message();
    assert_eq!(message.payload, "as ever\n");
    assert_eq!(message.headers.value(Header::Severity), "3");
}
