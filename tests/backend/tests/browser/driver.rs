//! A browser, over WebDriver: as much of it as the tests need.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

use crate::collector::Collector;

/// Chromium by itself speaks to its maker, and as root it cannot have its sandbox.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// What the tab key led to.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    pub(crate) count: u64,
    /// Where no outline was seen.
    pub(crate) unseen: Vec<String>,
}

/// Ends with this value, and takes the browser along.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    axe: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let axe = axe();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver, which `make deps` installs: {error}"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map(Result::unwrap);
        let started = "was started successfully on port ";
        let line = lines
            .find(|line| line.contains(started))
            .unwrap_or_else(|| panic!("chromedriver does not say where it listens"));
        let port = line.split(started).nth(1).unwrap().trim_end_matches('.').to_owned();
        // It must not be stopped by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent = ureq::Agent::new_with_config(config);
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": flags },
        } } });
        let root = format!("http://127.0.0.1:{port}");
        let answer: Value =
            agent.post(format!("{root}/session")).send_json(wanted).unwrap().body_mut().read_json().unwrap();
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}"));
        let session = format!("{root}/session/{id}");
        let mut browser = Self { driver, session, agent, axe, _profile: profile };
        browser.set_window(1366, 768, Scheme::Light);
        // It begins with a page of its own.
        browser.post("url", json!({ "url": "about:blank" }));
        browser.messages();
        browser.fetched();
        browser
    }

    fn post(&mut self, path: &str, body: Value) -> Value {
        let answer = self.agent.post(format!("{}/{path}", self.session)).send_json(body);
        let answer: Value = answer.unwrap().body_mut().with_config().limit(64 << 20).read_json().unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    fn get(&mut self, path: &str) -> Value {
        let answer = self.agent.get(format!("{}/{path}", self.session)).call();
        let answer: Value = answer.unwrap().body_mut().with_config().limit(64 << 20).read_json().unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    fn devtools(&mut self, command: &str, params: Value) {
        self.post("goog/cdp/execute", json!({ "cmd": command, "params": params }));
    }

    pub(crate) fn set_window(&mut self, width: u32, height: u32, scheme: Scheme) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics);
        let value = if matches!(scheme, Scheme::Dark) { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features);
    }

    pub(crate) fn set_scripts(&mut self, run: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !run }));
    }

    /// Loads a page, whole.
    pub(crate) fn open(&mut self, collector: &Collector, path: &str) {
        self.post("url", json!({ "url": format!("http://{}{path}", collector.address) }));
    }

    /// Loads a page; its source.
    pub(crate) fn page(&mut self, collector: &Collector, path: &str) -> String {
        self.open(collector, path);
        self.source()
    }

    pub(crate) fn title(&mut self) -> String {
        self.get("title").as_str().unwrap().to_owned()
    }

    pub(crate) fn source(&mut self) -> String {
        self.get("source").as_str().unwrap().to_owned()
    }

    pub(crate) fn script(&mut self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] }))
    }

    /// What axe-core finds on the page, in short.
    pub(crate) fn hindrances(&mut self) -> Vec<String> {
        let script = format!(
            "{}; const done = arguments[arguments.length - 1]; axe.run(document, {{ resultTypes: ['violations'], selectors: false, preload: false }}).then(\
             found => done(found.violations.map(v => v.id + ': ' + v.help + ' at ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + (n.any[0] || {{}}).message).join(' | '))),\
             error => done(['axe failed: ' + error]))",
            self.axe
        );
        let found = self.post("execute/async", json!({ "script": script, "args": [] }));
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// What was logged since the last time.
    pub(crate) fn messages(&mut self) -> Vec<String> {
        let log = self.post("se/log", json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// What was fetched since the last time.
    pub(crate) fn fetched(&mut self) -> Vec<String> {
        let log = self.post("se/log", json!({ "type": "performance" }));
        let entries = log.as_array().unwrap().iter();
        let events =
            entries.map(|entry| serde_json::from_str::<Value>(entry["message"].as_str().unwrap()).unwrap());
        let requests = events.filter(|event| event["message"]["method"] == "Network.requestWillBeSent");
        requests
            .map(|event| event["message"]["params"]["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Presses the tab key until the focus is where it was first, at most so many times.
    pub(crate) fn tab_through(&mut self, most: u64) -> Reached {
        let mut reached = Reached::default();
        let mut first = None;
        for _ in 0..most {
            let key =
                json!([{ "type": "keyDown", "value": "\u{e004}" }, { "type": "keyUp", "value": "\u{e004}" }]);
            self.post("actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": key }] }));
            let at = self.script(
                "const e = document.activeElement; if (!e || e === document.body) return null; \
                 if (!e.dataset.seen) e.dataset.seen = Math.random(); const s = getComputedStyle(e); \
                 return [e.dataset.seen, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0, e.outerHTML.slice(0, 120)]",
            );
            let Some(at) = at.as_array() else { continue };
            if first.as_ref() == Some(&at[0]) {
                break;
            }
            first.get_or_insert_with(|| at[0].clone());
            reached.count += 1;
            if at[1] != true {
                reached.unseen.push(at[2].as_str().unwrap().to_owned());
            }
        }
        reached
    }

    /// The window as PNG.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let picture = self.get("screenshot");
        base64::prelude::BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser first: it is the driver's child, and would outlive it.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// axe-core's script.
fn axe() -> String {
    let tools = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/axe.sh"));
    let output = Command::new(tools).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "axe-core is missing; `make deps` fetches it");
    let path = String::from_utf8(output.stdout).unwrap();
    std::fs::read_to_string(path.trim()).unwrap()
}
