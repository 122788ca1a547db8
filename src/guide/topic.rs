//! The pages of the guide, by name.

/// A page of the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Its name on the command line.
    pub name: &'static str,
    /// The page, in Markdown.
    pub text: &'static str,
}

impl Topic {
    /// Its heading.
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The page of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name == name)
    }
}

/// All pages, in reading order.
pub const TOPICS: &[Topic] = &[
    Topic { name: "scenarios", text: include_str!("scenarios.md") },
    Topic { name: "targets", text: include_str!("targets.md") },
    Topic { name: "seeds", text: include_str!("seeds.md") },
    Topic { name: "ci", text: include_str!("ci.md") },
    Topic { name: "explain", text: include_str!("explain.md") },
    Topic { name: "compare", text: include_str!("compare.md") },
    Topic { name: "tune", text: include_str!("tune.md") },
    Topic { name: "plan", text: include_str!("plan.md") },
    Topic { name: "limits", text: include_str!("limits.md") },
    Topic { name: "real-time", text: include_str!("real-time.md") },
    Topic { name: "serve", text: include_str!("serve.md") },
    Topic { name: "tag", text: include_str!("tag.md") },
    Topic { name: "rollout", text: include_str!("rollout.md") },
    Topic { name: "library", text: include_str!("library.md") },
];
