//! `tagspace new`: a scenario to start from.

use std::fmt::Write as _;
use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use crate::cli::ExitStatus;
use crate::cli::args::NewArgs;
use crate::cli::error::{CliError, quoted};
use crate::cli::terminal::print;
use crate::sim::scenario::default_taxonomy;

const TEMPLATE: &str = r#"# Does a 100-page space tag within 12 AI calls, and does a second run hit the cache?
#:schema ./scenario.schema.json
# (`tagspace schema > scenarios/scenario.schema.json` lets an editor complete and check the keys.)

schema = 1                       # the version of this format
seed = 42                        # the same seed is the same world; `run --seeds 1..=64` plays many

[space]
pages = 100                      # generated pages; dir = "docs" takes a folder of HTML files instead

[confluence]
latency = { dist = "lognormal", median_ms = 180, sigma = 0.4 }  # or fixed, uniform, empirical (your own CSV)

[gemini]                         # the primary: `model` decides the price
model = "gemini-3.5-flash-lite"
latency = { dist = "lognormal", median_ms = 450, sigma = 0.5, ms_per_1k_input_tokens = 18, output_tokens_per_s = 200 }
quota = { requests = 150, per_s = 60, tokens = 1_000_000 }      # what your account allows; more is answered with 429

[openai]                         # the fallback; without this table there is none
model = "gpt-6-luna"
latency = { dist = "lognormal", median_ms = 900, sigma = 0.4 }

[pipeline]                       # what is under test
profile = "recommended"          # or before, documented, conservative; every key can be set on top
batch_size = 10                  # pages in a prompt, or "auto": small batches while the quota leaves room

[[run]]                          # runs follow one another and keep cache and limits
name = "first"

[[run]]
name = "second"
changed_ratio = 0.3              # the chance that a page was edited before this run

[targets.first]                  # `tagspace metrics` lists what can be judged
ai_calls = "<= 12"
pages_failed = "== 0"

[targets.second]
cache_hit_ratio = ">= 60%"       # a share, as a person writes it
"#;

/// The default taxonomy as TOML.
fn taxonomy() -> String {
    let mut text = "# The tags that may be given, by category: `tagspace tag --taxonomy FILE` reads it, and a\n\
                    # scenario may hold the same table.\n[taxonomy]\n"
        .to_owned();
    for (category, tags) in default_taxonomy() {
        let _ = writeln!(text, "{category} = [\"{}\"]", tags.join("\", \""));
    }
    text
}

/// Writes the template, and never over a file that is there; a taxonomy is printed.
pub(crate) fn new(args: &NewArgs) -> Result<ExitStatus, CliError> {
    let Some(given) = &args.name else {
        print(&taxonomy());
        return Ok(ExitStatus::Met);
    };
    let whole = given.to_lowercase().ends_with(".toml");
    let name = if whole { given.clone() } else { format!("{given}.toml") };
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
            message: format!("expected a name for the scenario, found `{given}`"),
            help: "such as `tagspace new first`".to_owned(),
        });
    }
    if path.exists() {
        return Err(CliError::Usage {
            message: format!("{}: the file is there already", path.display()),
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
