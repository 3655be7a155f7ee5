//! The manuals are whole: sections, exit codes, pages that they refer to, units.

use std::collections::BTreeMap;
use std::fs;
use test_harness::programs;

/// How the names of our pages begin.
const OURS: [&str; 9] = [
    "telem",
    "tm_",
    "hprobe",
    "crashprobe",
    "journalprobe",
    "klogscanner",
    "pstore",
    "envprobe",
    "checkprobe",
];

/// The manuals by file name.
fn manuals() -> BTreeMap<String, String> {
    let read = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    let folder = programs::source_root().join("docs/man");
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

/// The text of a section, up to the next.
fn section<'a>(manual: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = manual.split_once(&format!("\n.Sh {name}\n"))?;
    Some(rest.split("\n.Sh ").next().unwrap())
}

#[test]
fn each_program_has_its_sections_and_exit_codes() {
    let manuals = manuals();
    let pages: Vec<_> = manuals.iter().filter(|(name, _)| name.ends_with(".1")).collect();
    assert!(pages.len() >= 7);
    for (name, manual) in pages {
        for section_name in ["SYNOPSIS", "DESCRIPTION", "FILES", "SEE ALSO"] {
            assert!(section(manual, section_name).is_some(), "{name} has no {section_name}");
        }
        let codes = section(manual, "EXIT STATUS").unwrap_or_else(|| panic!("{name} has no EXIT STATUS"));
        // Wrong arguments are 1, but for telemctl, by whichever name.
        let is_telemctl = ["telemctl.1", "telem_journal.1"].contains(&name.as_str());
        for (code, is_there) in [(0, true), (1, true), (2, is_telemctl)] {
            assert_eq!(codes.contains(&format!(".It {code}\n")), is_there, "{name}: exit code {code}");
        }
        assert!(codes.contains("\nWrong arguments"), "{name} does not say what wrong arguments are");
    }
    for daemon in ["telemprobd.1", "telempostd.1", "telempulld.1"] {
        for section_name in ["SIGNALS", "ENVIRONMENT", "SYSTEMD", "LOGGING"] {
            assert!(section(&manuals[daemon], section_name).is_some(), "{daemon} has no {section_name}");
        }
    }
}

#[test]
fn pages_of_ours_that_are_referred_to_are_there() {
    let manuals = manuals();
    for (name, manual) in &manuals {
        for reference in manual.lines().filter_map(|line| line.strip_prefix(".Xr ")) {
            let mut words = reference.split(' ');
            let page = format!("{}.{}", words.next().unwrap(), words.next().unwrap());
            let is_ours = OURS.iter().any(|own| page.starts_with(own)) && page != "telem-collector.1";
            assert!(!is_ours || manuals.contains_key(&page), "{name}: there is no {page}");
        }
    }
}

#[test]
fn every_unit_is_in_a_manual_and_refers_to_one() {
    let manuals = manuals();
    for entry in fs::read_dir(programs::source_root().join("units")).unwrap() {
        let entry = entry.unwrap();
        let unit = entry.file_name().into_string().unwrap();
        assert!(manuals.values().any(|manual| manual.contains(&unit)), "no manual mentions {unit}");
        let text = fs::read_to_string(entry.path()).unwrap();
        let named = text.lines().find_map(|line| line.strip_prefix("Documentation=")).unwrap();
        for page in named.split(' ') {
            let page = page.strip_prefix("man:").unwrap().replace('(', ".").replace(')', "");
            assert!(manuals.contains_key(&page), "{unit}: there is no {page}");
        }
    }
}

/// A prototype of the header as mdoc writes it: `.Ft TYPE`, `.Fn NAME "ARGUMENT" ...`.
fn as_mdoc(prototype: &str) -> String {
    let (head, arguments) = prototype.split_once('(').unwrap();
    let (kind, name) = head.rsplit_once(' ').unwrap();
    let arguments = arguments.trim_end_matches(')').split(", ");
    let quoted = arguments.map(|argument| match argument {
        "void" => " void".to_owned(),
        argument => format!(" \"{argument}\""),
    });
    format!(".Ft {kind}\n.Fn {name}{}", quoted.collect::<String>())
}

#[test]
fn each_function_of_the_header_is_in_a_manual_as_it_is_declared() {
    let manuals = manuals();
    let header =
        fs::read_to_string(programs::source_root().join("libtelemetry/include/telemetry.h")).unwrap();
    // Declarations stand at the beginning of a line; a long one goes on in the next.
    let text = header.replace(",\n                     ", ", ");
    let is_one = |line: &&str| line.contains(" tm_") && line.ends_with(");") && !line.starts_with([' ', '/']);
    let prototypes: Vec<_> = text.lines().filter(is_one).map(|line| line.trim_end_matches(';')).collect();
    assert_eq!(prototypes.len(), 7, "{prototypes:?}");
    for prototype in prototypes {
        let declared = as_mdoc(prototype);
        assert!(section(&manuals["telemetry.3"], "SYNOPSIS").unwrap().contains(&declared), "{declared}");
        let name = prototype.split_once('(').unwrap().0.rsplit_once(' ').unwrap().1;
        let Some(own) = manuals.get(&format!("{name}.3")) else { continue };
        assert!(section(own, "SYNOPSIS").unwrap().contains(&declared), "{name}.3: {declared}");
    }
}

#[test]
fn the_functions_that_programs_call_most_have_a_page_each() {
    let manuals = manuals();
    for name in ["tm_create_record", "tm_set_payload", "tm_send_record", "tm_set_event_id"] {
        let manual = manuals.get(&format!("{name}.3")).unwrap_or_else(|| panic!("no {name}.3"));
        for section_name in ["LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "SEE ALSO"] {
            assert!(section(manual, section_name).is_some(), "{name}.3 has no {section_name}");
        }
        assert!(manual.contains(&format!("\n.Sh NAME\n.Nm {name}\n.Nd ")), "{name}.3");
    }
}
