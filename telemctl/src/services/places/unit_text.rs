//! From the text of a unit to the drop-in with which it works on places of the configuration. A function of values.
//!
//! Units name the places that were built in. Where the configuration has another, the drop-in says each list that names it
//! anew: systemd empties a list at an empty value. An empty condition empties all of them, of whatever kind, and so does a path that
//! is waited for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A place that units name, and where the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::services) struct Place {
    pub(in crate::services) key: &'static str,
    pub(in crate::services) default: PathBuf,
    pub(in crate::services) configured: PathBuf,
}

/// The key of the directory that systemd makes for the daemons, by a name below this one.
const RUN_DIR: &str = "run_dir";
const RUN: &str = "/run";

/// What a path unit waits for. Of one name a line is a pattern (see `glob`(7)).
const WAITED_FOR: [&str; 5] = ["DirectoryNotEmpty", "PathExists", PATTERN, "PathChanged", "PathModified"];
const PATTERN: &str = "PathExistsGlob";

/// Lists of one word a line, and of words: section and name.
const LISTENING: (&str, &str) = ("Socket", "ListenStream");
const WRITABLE: (&str, &str) = ("Service", "ReadWritePaths");
const HIDDEN: (&str, &str) = ("Service", "InaccessiblePaths");
const RUNTIME: (&str, &str) = ("Service", "RuntimeDirectory");

/// What hides places from a service, where it is set to `yes`, and what does so less.
const HIDING: [(&str, &str, &[&str]); 2] = [
    ("PrivateTmp", "no", &["/tmp", "/var/tmp"]),
    ("ProtectHome", "read-only", &["/home", "/root", "/run/user"]),
];

/// What is written before the settings.
const HEAD: &str = "# Written by telemctl: places of telemetrics.conf that this unit does not name.\n\
                    # `telemctl config set` changes one, `telemctl restart` writes this anew or removes it.\n";

/// A line `Name=value` of a section.
struct Setting<'a> {
    section: &'a str,
    name: &'a str,
    value: &'a str,
}

/// The drop-in; none where the unit fits as it is.
pub(super) fn drop_in(unit: &str, places: &[Place]) -> Option<String> {
    let places: Vec<_> = places.iter().filter(|place| place.default != place.configured).collect();
    let settings = settings(unit);
    let mut lines = Vec::new();
    lines.extend(conditions(&settings, &places));
    lines.extend(listening(&settings, &places));
    lines.extend(waited_for(&settings, &places));
    lines.extend(service(&settings, &places));
    lines.extend(hidden(&settings, &places));
    (!lines.is_empty()).then(|| {
        let mut text = HEAD.to_owned();
        let mut section = "";
        for (of, line) in &lines {
            if *of != section {
                section = of;
                text.push_str(&format!("[{section}]\n"));
            }
            text.push_str(&format!("{line}\n"));
        }
        text
    })
}

fn settings(unit: &str) -> Vec<Setting<'_>> {
    let mut section = "";
    let mut settings = Vec::new();
    for line in unit.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            settings.push(Setting { section, name: name.trim(), value: value.trim() });
        }
    }
    settings
}

/// The values of a list, since it was last emptied.
fn values<'a>(settings: &[Setting<'a>], (section, name): (&str, &str)) -> Vec<&'a str> {
    let mut values = Vec::new();
    for setting in settings.iter().filter(|setting| setting.section == section && setting.name == name) {
        match setting.value {
            "" => values.clear(),
            value => values.push(value),
        }
    }
    values
}

type Line = (&'static str, String);

fn conditions(settings: &[Setting<'_>], places: &[&Place]) -> Vec<Line> {
    let is_condition = |setting: &&Setting<'_>| {
        setting.section == "Unit" && setting.name.starts_with("Condition") && !setting.value.is_empty()
    };
    let all: Vec<_> = settings.iter().filter(is_condition).collect();
    if !all.iter().any(|setting| moved(setting.value, places).is_some()) {
        return Vec::new();
    }
    let mut lines = vec![("Unit", "ConditionPathExists=".to_owned())];
    for Setting { name, value, .. } in all {
        let value = match moved(value, places) {
            Some(path) => with_specifiers(&path),
            None => (*value).to_owned(),
        };
        lines.push(("Unit", format!("{name}={value}")));
    }
    lines
}

fn listening(settings: &[Setting<'_>], places: &[&Place]) -> Vec<Line> {
    let all = values(settings, LISTENING);
    if !all.iter().any(|value| moved(value, places).is_some()) {
        return Vec::new();
    }
    let (section, name) = LISTENING;
    let mut lines = vec![(section, format!("{name}="))];
    for value in all {
        let value = moved(value, places).map_or(value.to_owned(), |path| with_specifiers(&path));
        lines.push((section, format!("{name}={value}")));
    }
    lines
}

fn waited_for(settings: &[Setting<'_>], places: &[&Place]) -> Vec<Line> {
    let patterns: Vec<_> = places.iter().map(|place| as_pattern(place)).collect();
    let patterns: Vec<_> = patterns.iter().collect();
    let mut is_moved = false;
    let mut lines = vec![("Path", "DirectoryNotEmpty=".to_owned())];
    for Setting { section, name, value } in settings {
        if *section != "Path" || !WAITED_FOR.contains(name) {
            continue;
        }
        let path = moved(value, if *name == PATTERN { &patterns } else { places });
        is_moved |= path.is_some();
        let value = path.map_or((*value).to_owned(), |path| with_specifiers(&path));
        lines.push(("Path", format!("{name}={value}")));
    }
    if is_moved { lines } else { Vec::new() }
}

/// What a service may write, the directory that is made for it, and what hides a place from it.
fn service(settings: &[Setting<'_>], places: &[&Place]) -> Vec<Line> {
    let words =
        |list| -> Vec<&str> { values(settings, list).into_iter().flat_map(str::split_whitespace).collect() };
    let (writable, runtime) = (words(WRITABLE), words(RUNTIME));
    let mut is_changed = false;
    let mut allowed = Vec::new();
    for word in &writable {
        let path = moved(word, places);
        is_changed |= path.is_some();
        allowed.push(path.map_or((*word).to_owned(), |path| quoted(&path)));
    }
    let mut lines = Vec::new();
    for place in places.iter().filter(|place| place.key == RUN_DIR) {
        let name_of = |path: &Path| path.strip_prefix(RUN).ok().and_then(Path::to_str).map(str::to_owned);
        if !name_of(&place.default).is_some_and(|name| runtime.contains(&name.as_str())) {
            continue;
        }
        match name_of(&place.configured).filter(|name| !name.is_empty()) {
            Some(name) => {
                lines.push(("Service", "RuntimeDirectory=".to_owned()));
                lines.push(("Service", format!("RuntimeDirectory={}", quoted(&name))));
            }
            None => {
                is_changed = true;
                allowed.push(quoted(&place.configured.display().to_string()));
            }
        }
    }
    if is_changed {
        // A place that several keys name is said once.
        let allowed: BTreeSet<_> = allowed.into_iter().collect();
        let allowed: Vec<_> = allowed.into_iter().collect();
        lines.push(("Service", "ReadWritePaths=".to_owned()));
        lines.push(("Service", format!("ReadWritePaths={}", allowed.join(" "))));
    }
    for (name, less, hidden) in HIDING {
        let is_hidden = |place: &&&Place| hidden.iter().any(|above| place.configured.starts_with(above));
        let is_on =
            matches!(values(settings, ("Service", name)).last(), Some(&"yes" | &"true" | &"1" | &"on"));
        if is_on && places.iter().any(|place| is_hidden(&place)) {
            lines.push(("Service", format!("{name}={less}")));
        }
    }
    lines
}

/// What a service is not to see at all.
fn hidden(settings: &[Setting<'_>], places: &[&Place]) -> Vec<Line> {
    let words: Vec<_> = values(settings, HIDDEN).into_iter().flat_map(str::split_whitespace).collect();
    if !words.iter().any(|word| moved(word, places).is_some()) {
        return Vec::new();
    }
    let path = |word: &&str| moved(word, places).map_or((*word).to_owned(), |path| quoted(&path));
    let paths: Vec<_> = words.iter().map(path).collect();
    let (section, name) = HIDDEN;
    vec![(section, format!("{name}=")), (section, format!("{name}={}", paths.join(" ")))]
}

/// Where a path of a unit is in this configuration, with the marks that stood before it; none for one that stays.
fn moved(value: &str, places: &[&Place]) -> Option<String> {
    let path = value.trim_start_matches(['-', '+', '|', '!']);
    let marks = value.strip_suffix(path)?;
    let inside = |place: &&&Place| Path::new(path).strip_prefix(&place.default).ok();
    // The longest counts: one place may lie in another.
    let place = places
        .iter()
        .filter(|place| inside(place).is_some())
        .max_by_key(|place| place.default.as_os_str().len())?;
    let rest = inside(&place)?;
    let at = if rest.as_os_str().is_empty() { place.configured.clone() } else { place.configured.join(rest) };
    Some(format!("{marks}{}", at.display()))
}

/// A place whose path stands for itself in a pattern.
fn as_pattern(place: &Place) -> Place {
    let mut pattern = String::new();
    for letter in place.configured.display().to_string().chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    Place { configured: pattern.into(), ..place.clone() }
}

/// A path in which systemd finds no specifier.
fn with_specifiers(path: &str) -> String {
    path.replace('%', "%%")
}

/// A path as a word of a list.
pub(super) fn quoted(path: &str) -> String {
    let path = with_specifiers(path);
    if path.contains([' ', '\t', '"', '\'', '\\']) {
        format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &'static str, default: &str, configured: &str) -> Place {
        Place { key, default: default.into(), configured: configured.into() }
    }

    fn body(unit: &str, places: &[Place]) -> String {
        drop_in(unit, places).map_or(String::new(), |text| text.strip_prefix(HEAD).unwrap().to_owned())
    }

    const SERVICE: &str = "\
[Unit]
ConditionPathExists=/etc/telemetrics/opt-in
ConditionPathExists=|/var/lib/telemetry/x.json
ConditionVirtualization=!container
[Service]
# ReadWritePaths=/var/spool/telemetry
ReadWritePaths=/var/spool/telemetry -/var/lib/telemetry
RuntimeDirectory=telemetry
PrivateTmp=yes
ProtectHome=yes
";

    #[test]
    fn a_unit_that_fits_has_no_drop_in() {
        let spool = "/var/spool/telemetry";
        assert_eq!(drop_in(SERVICE, &[place("spool_dir", spool, spool)]), None);
        assert_eq!(
            drop_in("[Socket]\nListenStream=/run/x\n", &[place("socket_path", "/run/telem-0", "/y")]),
            None
        );
        // A name that only begins like it.
        let unit = "[Path]\nDirectoryNotEmpty=/var/spool/telemetry2\n";
        assert_eq!(drop_in(unit, &[place("spool_dir", spool, "/s")]), None);
    }

    #[test]
    fn lists_are_said_anew() {
        for (unit, places, expected) in [
            (
                "[Socket]\nListenStream=/run/telem-0\nSocketMode=0666\n",
                &[place("socket_path", "/run/telem-0", "/srv/a b%/sock")][..],
                "[Socket]\nListenStream=\nListenStream=/srv/a b%%/sock\n",
            ),
            (
                "[Path]\nDirectoryNotEmpty=/var/spool/telemetry\n",
                &[place("spool_dir", "/var/spool/telemetry", "/srv/spool")],
                "[Path]\nDirectoryNotEmpty=\nDirectoryNotEmpty=/srv/spool\n",
            ),
            (
                "[Path]\nPathExistsGlob=/var/spool/telemetry/.copy/*/*\n",
                &[place("spool_dir", "/var/spool/telemetry", "/srv/a[1] *%")],
                "[Path]\nDirectoryNotEmpty=\nPathExistsGlob=/srv/a\\[1\\] \\*%%/.copy/*/*\n",
            ),
            (
                "[Path]\nDirectoryNotEmpty=/var/spool/telemetry\nPathExists=/x\nPathExistsGlob=/var/spool/telemetry/.copy/*/*\n\
                 Unit=telempostd.service\n",
                &[place("spool_dir", "/var/spool/telemetry", "/srv/spool")],
                "[Path]\nDirectoryNotEmpty=\nDirectoryNotEmpty=/srv/spool\nPathExists=/x\nPathExistsGlob=/srv/spool/.copy/*/*\n",
            ),
            (
                SERVICE,
                &[place("spool_dir", "/var/spool/telemetry", "/srv/my spool")],
                "[Service]\nReadWritePaths=\nReadWritePaths=\"/srv/my spool\" -/var/lib/telemetry\n",
            ),
            (
                SERVICE,
                &[place("state_dir", "/var/lib/telemetry", "/srv/state")],
                "[Unit]\nConditionPathExists=\nConditionPathExists=/etc/telemetrics/opt-in\n\
                 ConditionPathExists=|/srv/state/x.json\nConditionVirtualization=!container\n\
                 [Service]\nReadWritePaths=\nReadWritePaths=-/srv/state /var/spool/telemetry\n",
            ),
            (
                "[Service]\nInaccessiblePaths=-/var/lib/telemetry/identity -/x\n",
                &[place("state_dir", "/var/lib/telemetry", "/srv/state")],
                "[Service]\nInaccessiblePaths=\nInaccessiblePaths=-/srv/state/identity -/x\n",
            ),
            (
                SERVICE,
                &[place("run_dir", "/run/telemetry", "/run/other/t")],
                "[Service]\nRuntimeDirectory=\nRuntimeDirectory=other/t\n",
            ),
            (
                SERVICE,
                &[place("run_dir", "/run/telemetry", "/srv/run")],
                "[Service]\nReadWritePaths=\nReadWritePaths=-/var/lib/telemetry /srv/run /var/spool/telemetry\n",
            ),
            // A socket that the sandbox would hide.
            (SERVICE, &[place("socket_path", "/run/telem-0", "/tmp/t")], "[Service]\nPrivateTmp=no\n"),
            (
                SERVICE,
                &[place("socket_path", "/run/telem-0", "/home/t/s")],
                "[Service]\nProtectHome=read-only\n",
            ),
        ] {
            assert_eq!(body(unit, places), expected, "{places:?}");
        }
    }

    /// Every path of every unit of ours is moved by some key.
    #[test]
    fn no_place_is_left_behind_in_any_unit() {
        let places = [
            place("socket_path", "@RUNSTATEDIR@/telem-0", "/new/sock"),
            place("spool_dir", "@LOCALSTATEDIR@/spool/telemetry", "/new/spool"),
            place("state_dir", "@LOCALSTATEDIR@/lib/telemetry", "/new/state"),
            place("log_dir", "@LOCALSTATEDIR@/log/telemetry", "/new/log"),
            place("cache_dir", "@LOCALSTATEDIR@/cache/telemetry", "/new/cache"),
            place("etc_dir", "@SYSCONFDIR@/telemetrics", "/new/etc"),
        ];
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../units")).unwrap() {
            let path = entry.unwrap().path();
            let unit = std::fs::read_to_string(&path).unwrap();
            let said = body(&unit, &places);
            for setting in settings(&unit).iter().filter(|setting| setting.value.contains("DIR@/")) {
                if matches!(setting.name, "ExecStart" | "PathChanged") {
                    continue;
                }
                let line =
                    |text: &str| text.starts_with(&format!("{}=", setting.name)) && text.contains("/new/");
                assert!(said.lines().any(line), "{}: {}: {said}", path.display(), setting.value);
            }
            assert!(!said.contains("DIR@"), "{}: {said}", path.display());
        }
    }
}
