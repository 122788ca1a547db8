//! `tagspace guide`: the guide, in a terminal.

use std::fmt::Write;

use crate::cli::ExitStatus;
use crate::cli::args::GuideArgs;
use crate::cli::error::CliError;
use crate::cli::terminal::print;
use crate::guide::{TOPICS, Topic};
use crate::sim::scenario::diagnostic::did_you_mean;

/// Prints a page, or the list of all.
pub(crate) fn guide(args: &GuideArgs) -> Result<ExitStatus, CliError> {
    let Some(name) = &args.topic else {
        print(&contents());
        return Ok(ExitStatus::Met);
    };
    let Some(topic) = Topic::find(name) else {
        let names: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
        return Err(CliError::Usage {
            message: format!("expected a topic of the guide, found `{name}`"),
            help: match did_you_mean(name, names.iter().copied()) {
                Some(near) => format!("{near} the topics are {}", names.join(", ")),
                None => format!("the topics are {}", names.join(", ")),
            },
        });
    };
    print(topic.text);
    Ok(ExitStatus::Met)
}

fn contents() -> String {
    let width = TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or(0);
    let mut text = "Topics of the guide:\n\n".to_owned();
    for topic in TOPICS {
        let _ = writeln!(text, "  {:<width$}  {}", topic.name, topic.title());
    }
    text + "\n`tagspace guide TOPIC` shows one; `tagspace metrics` lists the metrics.\n"
}
