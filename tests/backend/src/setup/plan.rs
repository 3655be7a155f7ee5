//! What a setup does. Pure: from what was found to a list of steps.

use std::path::PathBuf;

use super::nginx;
use super::steps::Step;
use crate::storage::view::PUBLISHED;

/// The unit that is started.
pub(super) const UNIT: &str = "telemetrics-collector.service";

/// What the collector needs around it.
pub(super) const PACKAGES: [&str; 2] = ["postgresql", "nginx"];

/// The user of the unit, and the role of that name.
const USER: &str = "telemetrics-collector";
const DATABASE: &str = "telemetrics";
/// The role that views of plug-ins read by: what is published, and nothing else. It comes with a password, since the
/// server's socket takes a role by its user's name alone.
const VIEWS_ROLE: &str = "telemetrics-views";
/// Its URL, for the collector's user alone.
pub(super) const VIEWS_FILE: &str = "etc/telemetrics-collector/views-database";
/// Where an administrator puts plug-ins.
const PLUGINS: &str = "etc/telemetrics-collector/plugins";
/// Where Debian's server has its socket.
const SOCKETS: &str = "%2Fvar%2Frun%2Fpostgresql";
/// Where the collector listens, behind nginx.
const COLLECTOR: &str = "127.0.0.1:8080";

const DROP_IN: &str = "etc/systemd/system/telemetrics-collector.service.d/setup.conf";
const SITE: &str = "etc/nginx/sites-available/telemetrics";
const SITE_LINK: &str = "etc/nginx/sites-enabled/telemetrics";
/// Debian's own site, which has the port.
const DEFAULT_SITE: &str = "/etc/nginx/sites-available/default";
const DEFAULT_LINK: &str = "etc/nginx/sites-enabled/default";

/// What the steps depend on.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) missing_packages: Vec<&'static str>,
    pub(super) program: PathBuf,
    pub(super) host: String,
    pub(super) has_certificate: bool,
    /// That of the role for views: the one that it has, or a new one.
    pub(super) views_password: String,
}

/// Steps, and what there is to say after them.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) words: String,
}

/// Makes everything that is not there, and starts it.
pub(super) fn install(found: &Found) -> Plan {
    let mut steps = Vec::new();
    if !found.missing_packages.is_empty() {
        steps.push(Step::run("apt-get", &["-q", "update"]));
        let install = ["-q", "-y", "--no-install-recommends", "install"];
        steps.push(Step::run("apt-get", &[&install, &found.missing_packages[..]].concat()));
    }
    steps.push(Step::run("systemd-sysusers", &[]));
    steps.push(Step::run("systemctl", &["enable", "--now", "postgresql.service"]));
    steps.push(psql("postgres", create_sql(&found.views_password)));
    // The tables first, so that there is something to be granted.
    let program = found.program.to_string_lossy().into_owned();
    let as_user = ["-u", USER, "--", program.as_str(), "migrate", "--database"];
    steps.push(Step::run("runuser", &[&as_user[..], &[&database()]].concat()));
    steps.push(psql(DATABASE, grant_sql()));
    steps.push(Step::Directory { path: PLUGINS });
    steps.push(Step::Secret { path: VIEWS_FILE, text: views_url(&found.views_password), owner: USER });
    steps.push(Step::Write { path: DROP_IN, text: drop_in(found) });
    steps.push(Step::Write { path: SITE, text: nginx::site(COLLECTOR, found.has_certificate) });
    steps.push(Step::Delete { path: DEFAULT_LINK });
    steps.push(Step::Link { path: SITE_LINK, target: format!("/{SITE}") });
    steps.push(Step::run("nginx", &["-q", "-t"]));
    steps.push(Step::run("systemctl", &["daemon-reload"]));
    steps.push(Step::run("systemctl", &["enable", UNIT, "nginx.service"]));
    steps.push(Step::run("systemctl", &["restart", UNIT]));
    steps.push(Step::run("systemctl", &["reload-or-restart", "nginx.service"]));
    steps.push(Step::Served { host: found.host.clone(), has_certificate: found.has_certificate });
    Plan { steps, words: words(found) }
}

/// Undoes what [`install`] does, but for the packages.
pub(super) fn remove(_: &Found) -> Plan {
    let steps = vec![
        Step::run("systemctl", &["disable", "--now", UNIT]),
        Step::Delete { path: DROP_IN },
        Step::run("systemctl", &["daemon-reload"]),
        Step::Delete { path: SITE_LINK },
        Step::Delete { path: SITE },
        Step::Restore { path: DEFAULT_LINK, target: DEFAULT_SITE },
        Step::run("systemctl", &["try-reload-or-restart", "nginx.service"]),
        psql("postgres", drop_sql()),
        Step::Delete { path: VIEWS_FILE },
    ];
    let words =
        format!("telem-collector: the database {DATABASE}, the site and the unit's settings are removed\n");
    Plan { steps, words }
}

fn words(found: &Found) -> String {
    let host = &found.host;
    let (scheme, note) = if found.has_certificate {
        ("https", String::new())
    } else {
        let (certificate, key) = (nginx::CERTIFICATE, nginx::KEY);
        ("http", format!("telem-collector: without TLS, since {certificate} and {key} are not there\n"))
    };
    format!(
        "{note}telem-collector: clients post to {scheme}://{host}/v2/collector, people read \
         {scheme}://{host}/telemetryui\n"
    )
}

/// The unit with another database, and with the name that browsers use.
fn drop_in(found: &Found) -> String {
    let program = found.program.display();
    let host = &found.host;
    let database = database().replace('%', "%%");
    format!(
        "# Made by `telem-collector setup`, and made anew by the next one.\n\
         [Service]\nExecStart=\nExecStart={program} --database {database} --host {host} --plugins /{PLUGINS} \
         --views-database-file /{VIEWS_FILE} $OPTIONS\n"
    )
}

/// By the server's socket, which knows the user.
fn database() -> String {
    format!("postgres://{USER}@{SOCKETS}/{DATABASE}")
}

pub(super) fn views_url(password: &str) -> String {
    format!("postgres://{VIEWS_ROLE}:{password}@127.0.0.1/{DATABASE}\n")
}

/// The password in a URL that an earlier setup wrote.
pub(super) fn password_in(url: &str) -> Option<String> {
    let rest = url.strip_prefix(&format!("postgres://{VIEWS_ROLE}:"))?;
    let (password, _) = rest.split_once('@')?;
    let is_ours = !password.is_empty() && password.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| password.to_owned())
}

fn psql(database: &str, sql: String) -> Step {
    let args = ["-u", "postgres", "--", "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database];
    Step::Feed { program: "runuser", args: args.map(str::to_owned).to_vec(), input: sql }
}

/// `\gexec` runs what the query before it has found to do. A machine without a locale has a server whose databases are of
/// bytes; and what is sorted by a language is sorted otherwise on each machine.
pub(super) fn create_sql(views_password: &str) -> String {
    format!(
        "SELECT 'CREATE ROLE \"{USER}\" LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{USER}') \\gexec\n\
         SELECT $$CREATE DATABASE {DATABASE} OWNER \"{USER}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' \
         LC_CTYPE 'C.UTF-8'$$ \
         WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec\n\
         SELECT 'CREATE ROLE \"{VIEWS_ROLE}\" LOGIN' \
         WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{VIEWS_ROLE}') \\gexec\n\
         ALTER ROLE \"{VIEWS_ROLE}\" NOSUPERUSER NOCREATEROLE NOCREATEDB CONNECTION LIMIT 8 PASSWORD '{views_password}';\n"
    )
}

/// Within the database, once its tables are there. Older servers let everybody make tables.
pub(super) fn grant_sql() -> String {
    let views = PUBLISHED.join(", ");
    format!(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;\nGRANT ALL ON SCHEMA public TO \"{USER}\";\n\
         REVOKE TEMPORARY ON DATABASE {DATABASE} FROM PUBLIC;\n\
         GRANT SELECT ON {views} TO \"{VIEWS_ROLE}\";\n"
    )
}

pub(super) fn drop_sql() -> String {
    format!(
        "DROP DATABASE IF EXISTS {DATABASE};\nDROP ROLE IF EXISTS \"{USER}\";\nDROP ROLE IF EXISTS \"{VIEWS_ROLE}\";\n"
    )
}

#[cfg(test)]
mod tests;
