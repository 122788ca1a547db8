//! `tagspace new`: a scenario to start from.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use crate::cli::ExitStatus;
use crate::cli::args::NewArgs;
use crate::cli::main::{CliError, quoted};
use crate::cli::terminal::print;

const TEMPLATE: &str = r#"# Does a 100-page space tag within 12 AI calls, and does a second run hit the cache?
schema = 1
seed = 42

[space]
pages = 100

[confluence]
latency = { dist = "lognormal", median_ms = 180, sigma = 0.4 }

[gemini]
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 450, sigma = 0.5, ms_per_1k_input_tokens = 18, output_tokens_per_s = 200 }
quota = { requests = 150, per_s = 60, tokens = 1_000_000 }

[openai]
model = "gpt-6-luna"
latency = { dist = "lognormal", median_ms = 900, sigma = 0.4 }

[pipeline]
profile = "recommended"

[[run]]
name = "first"

[[run]]
name = "second"
changed_ratio = 0.3

[targets.first]
ai_calls = "<= 12"
pages_failed = "== 0"

[targets.second]
cache_hit_ratio = ">= 60%"
"#;

/// Writes the template, and never over a file that is there.
pub(crate) fn new(args: &NewArgs) -> Result<ExitStatus, CliError> {
    let whole = args.name.to_lowercase().ends_with(".toml");
    let name = if whole { args.name.clone() } else { format!("{}.toml", args.name) };
    let path = if whole || name.contains(['/', '\\']) {
        PathBuf::from(name)
    } else {
        PathBuf::from("scenarios").join(name)
    };
    let failed = |source| CliError::Io { what: format!("write {}", path.display()), source };
    if path
        .file_stem()
        .is_none_or(|stem| stem.is_empty() || stem.to_string_lossy().starts_with('.'))
    {
        return Err(CliError::Usage {
            message: format!("expected a name for the scenario, found `{}`", args.name),
            help: "such as `tagspace new first`".to_owned(),
        });
    }
    if path.exists() {
        return Err(CliError::Usage {
            message: format!("{}: got a file that is there already", path.display()),
            help: "choose another name".to_owned(),
        });
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(TEMPLATE.as_bytes()).map_err(failed)?;
    let shown = path.display();
    let command = quoted(["tagspace", "run", &path.to_string_lossy()]);
    print(&format!("wrote {shown}; `{command}` runs it\n"));
    Ok(ExitStatus::Met)
}
