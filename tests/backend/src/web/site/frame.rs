//! The templates, compiled at the start.

use minijinja::{Environment, Value};

use super::super::Problem;
use super::{assets, shown};

/// Names that end in `.html` or `.xml`, by which the engine knows that everything put in must be escaped.
const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../../templates/layout.html")),
    ("parts.html", include_str!("../../../templates/parts.html")),
    ("collector.html", include_str!("../../../templates/collector.html")),
    ("backtraces.html", include_str!("../../../templates/backtraces.html")),
    ("blacklist.html", include_str!("../../../templates/blacklist.html")),
    ("crash_rows.html", include_str!("../../../templates/crash_rows.html")),
    ("crashes.html", include_str!("../../../templates/crashes.html")),
    ("guilty.html", include_str!("../../../templates/guilty.html")),
    ("monitoring-params.html", include_str!("../../../templates/monitoring-params.html")),
    ("event.html", include_str!("../../../templates/event.html")),
    ("feed.xml", include_str!("../../../templates/feed.xml")),
    ("group.html", include_str!("../../../templates/group.html")),
    ("group_rows.html", include_str!("../../../templates/group_rows.html")),
    ("groups.html", include_str!("../../../templates/groups.html")),
    ("kept.html", include_str!("../../../templates/kept.html")),
    ("hardware.html", include_str!("../../../templates/hardware.html")),
    ("login.html", include_str!("../../../templates/login.html")),
    ("machine.html", include_str!("../../../templates/machine.html")),
    ("machines.html", include_str!("../../../templates/machines.html")),
    ("months.html", include_str!("../../../templates/months.html")),
    ("overview.html", include_str!("../../../templates/overview.html")),
    ("problem.html", include_str!("../../../templates/problem.html")),
    ("rates.html", include_str!("../../../templates/rates.html")),
    ("record.html", include_str!("../../../templates/record.html")),
    ("record_rows.html", include_str!("../../../templates/record_rows.html")),
    ("records.html", include_str!("../../../templates/records.html")),
    ("rules.html", include_str!("../../../templates/rules.html")),
    ("status.html", include_str!("../../../templates/status.html")),
    ("stats.html", include_str!("../../../templates/stats.html")),
    ("sums.html", include_str!("../../../templates/sums.html")),
    ("views.html", include_str!("../../../templates/views.html")),
    ("versions.html", include_str!("../../../templates/versions.html")),
];

/// The frame of all pages.
#[derive(Debug)]
pub(in crate::web) struct Frame(Environment<'static>);

impl Frame {
    pub(in crate::web) fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        shown::add_filters(&mut environment);
        environment.add_global("assets", assets::VERSION.as_str());
        environment.add_global("version", env!("CARGO_PKG_VERSION"));
        for (name, template) in TEMPLATES {
            environment.add_template(name, template)?;
        }
        Ok(Self(environment))
    }

    pub(super) fn render(&self, template: &str, context: Value) -> Result<String, Problem> {
        let rendered = self.0.get_template(template).and_then(|template| template.render(context));
        rendered.map_err(|error| Problem::internal(format!("{error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_templates_compile_and_none_has_inline_style_or_script() {
        Frame::new().unwrap();
        for (name, template) in TEMPLATES.iter().filter(|(name, _)| name.ends_with(".html")) {
            for forbidden in ["<script", "<style", " style=", "javascript:", " on", "=\"http", "|safe"] {
                let found = template.match_indices(forbidden).find(|(at, _)| {
                    forbidden != " on"
                        || template[at + 3..].split_once('=').is_some_and(|(name, _)| {
                            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
                        })
                });
                assert!(found.is_none(), "{name} has {forbidden}");
            }
        }
    }
}
