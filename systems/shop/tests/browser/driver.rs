//! A headless Chromium, driven by WebDriver (W3C) over plain HTTP.

use crate::common::http::Ask;
use crate::common::process::Process;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const STARTS: Duration = Duration::from_secs(20);
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-proxy-server",
];

/// The browser and its driver, if both are here.
pub(crate) fn installed() -> Option<(PathBuf, PathBuf)> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        |name: &str| std::env::split_paths(&search).map(|folder| folder.join(name)).find(|path| path.is_file());
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let find = |variable: &str, name: &str| named(variable).or_else(|| on_path(name)).filter(|path| path.is_file());
    find("PARTITA_CHROMIUM", "chromium").zip(find("PARTITA_CHROMEDRIVER", "chromedriver"))
}

/// A running browser with one page. Dropping it ends the browser and its driver.
pub(crate) struct Browser {
    address: SocketAddr,
    session: String,
    _driver: Process,
    /// Where it keeps its profile: also what its processes are known by.
    profile: TempDir,
}

impl Browser {
    pub(crate) fn start((chromium, driver): &(PathBuf, PathBuf)) -> Self {
        let mut command = Command::new(driver);
        command.arg("--port=0");
        let driver = Process::spawn(command);
        let port = loop {
            let line = driver.line(STARTS).unwrap_or_else(|| panic!("no driver: {}", driver.errors()));
            let port = line.rsplit_once("on port ").and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
            if let Some(port) = port.filter(|_| line.contains("successfully")) {
                break port;
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([folder.as_str()]).collect();
        let wanted = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut browser = Self { address, session: String::new(), _driver: driver, profile };
        let begun = browser.tell("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("/{}", begun["sessionId"].as_str().unwrap());
        browser
    }

    #[track_caller]
    fn tell(&self, command: &str, body: &Value) -> Value {
        let path = format!("/session{}{command}", self.session);
        let answer = Ask::new(self.address, "POST", &path).elsewhere().json(body).send();
        assert_eq!(answer.status, 200, "{command}: {answer:?}");
        answer.json()["value"].clone()
    }

    /// Sets the size of the page, in CSS pixels. A window has a least width, a page has none.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.tell("/goog/cdp/execute", &json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": params}));
    }

    pub(crate) fn open(&self, url: &str) {
        self.tell("/url", &json!({"url": url}));
    }

    /// What a script on the page returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.tell("/execute/sync", &json!({"script": format!("return {script};"), "args": []}))
    }

    /// Errors and violations since the last time: what a visitor's console shows in red.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.tell("/se/log", &json!({"type": "browser"}));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE" || is_policy(entry));
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn end_processes(&self) {
        let mark = self.profile.path().display().to_string();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let ours = std::fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&mark));
            let pid = entry.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?));
            if let Some(pid) = pid.filter(|_| ours) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn is_policy(entry: &Value) -> bool {
    entry["message"].as_str().is_some_and(|message| message.contains("Content Security Policy"))
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = Ask::new(self.address, "DELETE", &format!("/session{}", self.session)).elsewhere().try_send();
        self.end_processes();
    }
}
