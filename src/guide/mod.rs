//! The guide: one page for each thing that one does with `tagspace`. `tagspace guide TOPIC` shows the
//! same pages in a terminal.

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

macro_rules! topics {
    ($($module:ident, $name:literal;)*) => {
        $(
            #[doc = include_str!(concat!($name, ".md"))]
            pub mod $module {}
        )*

        /// All pages, in reading order.
        pub const TOPICS: &[Topic] = &[
            $(Topic { name: $name, text: include_str!(concat!($name, ".md")) },)*
        ];
    };
}

topics! {
    scenarios, "scenarios";
    targets, "targets";
    seeds, "seeds";
    ci, "ci";
    compare, "compare";
    tune, "tune";
    plan, "plan";
    limits, "limits";
    real_time, "real-time";
    serve, "serve";
    tag, "tag";
    rollout, "rollout";
    library, "library";
}
