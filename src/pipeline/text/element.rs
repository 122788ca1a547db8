//! What the elements of the storage format mean for what a reader sees.
//!
//! The shapes are those that the Cloud editor and Data Center store (Atlassian: Confluence Storage
//! Format, <https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html>); those
//! of `ac:adf-…`, which are documented nowhere, are as converters in public repositories read them.

/// What becomes of an element, if it is more than a place for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Never seen.
    Hidden,
    /// Never seen, and no markup until its own end.
    Raw,
    /// A macro; its name says more.
    Macro,
    /// A parameter of a macro; its name says whether it is seen.
    Parameter,
    /// The body of a macro, as markup.
    RichBody,
    /// The body of a macro, as plain text.
    PlainBody,
    /// A link to something of Confluence, which shows its text or the name of what it leads to.
    Link,
    /// The body of a link as markup, which may be a picture: then no name is seen.
    LinkBody,
    /// What the Cloud editor has and the storage format has not: a node, and a fallback that says
    /// the same again.
    Extension,
    /// A node of it, or what a node holds.
    Node,
    /// What is seen if its nodes hold no text.
    Fallback,
    /// Code without a macro.
    Preformatted,
}

/// The elements that have a role, in byte order.
pub(super) const KNOWN: [(&str, Role); 25] = [
    ("ac:adf-attribute", Role::Hidden),
    ("ac:adf-content", Role::Node),
    ("ac:adf-extension", Role::Extension),
    ("ac:adf-fallback", Role::Fallback),
    ("ac:adf-mark", Role::Hidden),
    ("ac:adf-node", Role::Node),
    ("ac:adf-parameter", Role::Hidden),
    ("ac:default-parameter", Role::Hidden),
    ("ac:link", Role::Link),
    ("ac:link-body", Role::LinkBody),
    ("ac:macro", Role::Macro),
    ("ac:parameter", Role::Parameter),
    ("ac:placeholder", Role::Hidden),
    ("ac:plain-text-body", Role::PlainBody),
    ("ac:rich-text-body", Role::RichBody),
    ("ac:structured-macro", Role::Macro),
    ("ac:task-id", Role::Hidden),
    ("ac:task-status", Role::Hidden),
    ("ac:task-uuid", Role::Hidden),
    ("at:declarations", Role::Hidden),
    ("head", Role::Hidden),
    ("pre", Role::Preformatted),
    ("script", Role::Raw),
    ("style", Role::Raw),
    ("template", Role::Hidden),
];

/// The place of an element among those that have a role.
pub(super) fn known(name: &str) -> Option<usize> {
    // The first byte tells most names apart without a call to compare them.
    let first = name.as_bytes().first();
    let order = |known: &str| known.as_bytes().first().cmp(&first).then_with(|| known.cmp(name));
    KNOWN.binary_search_by(|(known, _)| order(known)).ok()
}

/// The attribute that holds the name of what a link leads to. Users and spaces have no name there.
pub(super) fn name_of_target(element: &str) -> Option<&'static str> {
    match element {
        "ri:page" | "ri:blog-post" => Some("ri:content-title"),
        "ri:attachment" => Some("ri:filename"),
        "ri:shortcut" => Some("ri:parameter"),
        _ => None,
    }
}

/// Macros by what a reader sees of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macro {
    /// A coloured word in a line: its title.
    Status,
    /// An issue in a line: its key.
    Issue,
    /// Something else within a line.
    Inline,
    /// A file: its name.
    File,
    /// HTML, as a browser shows it.
    Html,
    /// Nothing at all.
    Unseen,
    /// A box: its title and its body.
    Boxed,
}

impl Macro {
    /// The macro of this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "status" => Self::Status,
            "jira" | "jiraissues" => Self::Issue,
            "anchor" | "mathinline" | "profile" => Self::Inline,
            "view-file" => Self::File,
            "html" | "html-bobswift" | "html-wrap" => Self::Html,
            "css" | "style" | "script" | "javascript" => Self::Unseen,
            _ => Self::Boxed,
        }
    }

    /// Whether it stands within a line.
    pub(super) fn is_inline(self) -> bool {
        matches!(self, Self::Status | Self::Issue | Self::Inline)
    }

    /// Whether a reader sees the parameter of this name.
    pub(super) fn shows(self, parameter: &str) -> bool {
        match self {
            Self::Issue => parameter == "key",
            Self::File => matches!(parameter, "name" | "title"),
            Self::Inline | Self::Unseen => false,
            Self::Status | Self::Html | Self::Boxed => parameter == "title",
        }
    }
}

/// Whether an element begins and ends a line.
pub(super) fn is_block(name: &str) -> bool {
    matches!(
        name.as_bytes(), // read byte by byte, so that no two names are compared
        b"p" | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
            | b"li"
            | b"ul"
            | b"ol"
            | b"table"
            | b"caption"
            | b"thead"
            | b"tbody"
            | b"tfoot"
            | b"tr"
            | b"td"
            | b"th"
            | b"pre"
            | b"div"
            | b"br"
            | b"hr"
            | b"blockquote"
            | b"dt"
            | b"dd"
            | b"dl"
            | b"details"
            | b"summary"
            | b"section"
            | b"article"
            | b"aside"
            | b"header"
            | b"footer"
            | b"main"
            | b"nav"
            | b"figure"
            | b"figcaption"
            | b"address"
            | b"ac:rich-text-body"
            | b"ac:plain-text-body"
            | b"ac:task-list"
            | b"ac:task"
            | b"ac:task-body"
            | b"ac:adf-content"
            | b"ac:caption"
            | b"ac:layout"
            | b"ac:layout-section"
            | b"ac:layout-cell"
    )
}
