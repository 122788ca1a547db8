//! The hosts that the fakes answer for. They never resolve; whoever mounts the fakes maps them.

/// The Confluence site.
pub const CONFLUENCE: &str = "rehearsal.atlassian.net";
/// Gemini.
pub const GEMINI: &str = "generativelanguage.googleapis.com";
/// OpenAI.
pub const OPENAI: &str = "api.openai.com";
