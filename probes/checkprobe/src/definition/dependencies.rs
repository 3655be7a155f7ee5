//! Which check depends on which: what is not there is left out of a check's dependencies, and a circle has no beginning.

use super::section::Section;
use super::{Definition, Fault};
use std::collections::{HashMap, HashSet};

/// The definitions whose dependencies have an end.
pub(super) fn resolve(found: Vec<(Definition, Section)>, faults: &mut Vec<Fault>) -> Vec<Definition> {
    let names: HashSet<String> = found.iter().map(|(definition, _)| definition.name.clone()).collect();
    let parents: HashMap<String, Vec<String>> =
        found.iter().map(|(definition, _)| (definition.name.clone(), definition.depends.clone())).collect();
    let mut definitions = Vec::new();
    for (mut definition, section) in found {
        let mut fault = |text: String| {
            let text = format!("[{}]: {text}", section.name);
            faults.push(Fault { file: section.file.clone(), line: section.line, text });
        };
        if reaches(&definition.name, &definition.name, &parents) {
            let name = &definition.name;
            let by_way = definition.depends.iter().find(|parent| reaches(parent, name, &parents));
            fault(match by_way.filter(|_| !definition.depends.contains(name)) {
                Some(parent) => format!("depends on itself, by way of {parent}"),
                None => "depends on itself".to_owned(),
            });
            continue;
        }
        definition.depends.retain(|parent| {
            let is_there = names.contains(parent);
            if !is_there {
                fault(format!("depends={parent}: there is no such check; it runs without"));
            }
            is_there
        });
        definitions.push(definition);
    }
    // One of a circle does not run, so that nothing can wait for it.
    let left: HashSet<String> = definitions.iter().map(|definition| definition.name.clone()).collect();
    definitions.iter_mut().for_each(|definition| definition.depends.retain(|parent| left.contains(parent)));
    definitions
}

/// Whether one of the parents of `from`, or of theirs, is `to`.
fn reaches(from: &str, to: &str, parents: &HashMap<String, Vec<String>>) -> bool {
    let mut seen = HashSet::new();
    let mut waiting: Vec<&str> = vec![from];
    while let Some(name) = waiting.pop() {
        for parent in parents.get(name).into_iter().flatten() {
            if parent == to {
                return true;
            }
            if seen.insert(parent.as_str()) {
                waiting.push(parent);
            }
        }
    }
    false
}
