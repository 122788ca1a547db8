//! The elements in which the pages of a space hold their words, and those that nobody sees.
//!
//! They are what the Cloud editor and Data Center store today. Each is a pair of pieces of markup
//! around the words; `{}` stands for a decoy, which a reader does not see.

/// How the words stand in an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// As blocks, perhaps in elements again.
    Blocks,
    /// As blocks, and once more where the first pair is not understood: a third piece of markup
    /// stands between.
    Twice(&'static str),
    /// As text with marks in it.
    Line,
    /// As text without any markup.
    Plain,
    /// Literally, as code.
    Code,
    /// Literally, as HTML.
    Html,
}

/// A block that holds a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineHolder {
    pub(super) before: &'static str,
    pub(super) body: Body,
    pub(super) after: &'static str,
}

const fn place(before: &'static str, body: Body, after: &'static str) -> LineHolder {
    LineHolder { before, body, after }
}

/// The plainest of all.
pub(super) const PARAGRAPH: LineHolder = place("<p>", Body::Line, "</p>");

/// All kinds of places.
pub const PLACES: &[LineHolder] = &[
    PARAGRAPH,
    // Boxes, by their bodies and by their titles.
    place(
        "<ac:structured-macro ac:name=\"note\" ac:schema-version=\"1\"><ac:parameter ac:name=\"icon\">{}\
         </ac:parameter><ac:rich-text-body>",
        Body::Blocks,
        "</ac:rich-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"expand\"><ac:parameter ac:name=\"title\"></ac:parameter>\
         <ac:rich-text-body>",
        Body::Blocks,
        "</ac:rich-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"excerpt\" ac:macro-id=\"{}\"><ac:parameter ac:name=\"hidden\">\
         false</ac:parameter><ac:parameter ac:name=\"name\">{}</ac:parameter><ac:rich-text-body>",
        Body::Blocks,
        "</ac:rich-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"expand\"><ac:parameter ac:name=\"title\">",
        Body::Plain,
        "</ac:parameter><ac:rich-text-body><p /></ac:rich-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"panel\"><ac:parameter ac:name=\"bgColor\">{}</ac:parameter>\
         <ac:parameter ac:name=\"title\">",
        Body::Plain,
        "</ac:parameter><ac:rich-text-body><p /></ac:rich-text-body></ac:structured-macro>",
    ),
    // What only the Cloud editor has.
    place(
        "<ac:adf-extension><ac:adf-node type=\"panel\"><ac:adf-attribute key=\"panel-type\">{}\
         </ac:adf-attribute><ac:adf-content>",
        Body::Twice(
            "</ac:adf-content></ac:adf-node><ac:adf-fallback><div class=\"panel conf-macro\">\
             <div class=\"panelContent\">",
        ),
        "</div></div></ac:adf-fallback></ac:adf-extension>",
    ),
    place(
        "<ac:adf-extension><ac:adf-node type=\"bodied-extension\"><ac:adf-attribute key=\"parameters\">\
         <ac:adf-parameter key=\"title\">{}</ac:adf-parameter></ac:adf-attribute><ac:adf-content>",
        Body::Blocks,
        "</ac:adf-content></ac:adf-node></ac:adf-extension>",
    ),
    place(
        "<ac:adf-extension><ac:adf-node type=\"extension\"><ac:adf-attribute key=\"extension-key\">{}\
         </ac:adf-attribute></ac:adf-node><ac:adf-fallback>",
        Body::Blocks,
        "</ac:adf-fallback></ac:adf-extension>",
    ),
    place(
        "<ac:task-list><ac:task><ac:task-id>7</ac:task-id><ac:task-uuid>{}</ac:task-uuid>\
         <ac:task-status>incomplete</ac:task-status><ac:task-body><span class=\"placeholder-inline-tasks\">",
        Body::Line,
        "</span></ac:task-body></ac:task></ac:task-list>",
    ),
    place(
        "<ac:image ac:alt=\"{}\" ac:width=\"760\"><ri:attachment ri:filename=\"{}.png\" /><ac:caption><p>",
        Body::Line,
        "</p></ac:caption><ac:adf-mark key=\"border\" size=\"1\" /></ac:image>",
    ),
    place(
        "<ac:layout><ac:layout-section ac:type=\"two_equal\"><ac:layout-cell>",
        Body::Blocks,
        "</ac:layout-cell><ac:layout-cell><p /></ac:layout-cell></ac:layout-section></ac:layout>",
    ),
    // Plain text.
    place(
        "<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">{}</ac:parameter>\
         <ac:plain-text-body>",
        Body::Code,
        "</ac:plain-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"markdown\"><ac:plain-text-body>",
        Body::Code,
        "</ac:plain-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"noformat\"><ac:parameter ac:name=\"nopanel\">true</ac:parameter>\
         <ac:plain-text-body>",
        Body::Code,
        "</ac:plain-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"html\"><ac:plain-text-body>",
        Body::Html,
        "</ac:plain-text-body></ac:structured-macro>",
    ),
    // Data about the page, a chart of numbers, and what HTML itself has.
    place(
        "<ac:structured-macro ac:name=\"details\"><ac:parameter ac:name=\"id\">{}</ac:parameter>\
         <ac:rich-text-body><table><tbody><tr><th>",
        Body::Line,
        "</th><td><p /></td></tr></tbody></table></ac:rich-text-body></ac:structured-macro>",
    ),
    place(
        "<ac:structured-macro ac:name=\"chart\"><ac:parameter ac:name=\"type\">{}</ac:parameter>\
         <ac:rich-text-body><table><tbody><tr><td>",
        Body::Line,
        "</td></tr></tbody></table></ac:rich-text-body></ac:structured-macro>",
    ),
    place("<blockquote>", Body::Blocks, "</blockquote>"),
    place("<details><summary>", Body::Line, "</summary></details>"),
    place("<section>", Body::Line, "</section>"),
    place("<dl><dt>", Body::Line, "</dt><dd></dd></dl>"),
];

/// Where in a line a mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Around a word.
    Around,
    /// Around a word that stands there literally.
    Literal,
    /// Before a word; a reader sees nothing of it.
    Before,
    /// Within a word, which a reader sees as one.
    Within,
    /// Between a word and the next.
    Between,
}

/// Markup in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub(super) before: &'static str,
    pub(super) spot: Spot,
    pub(super) after: &'static str,
}

const fn mark(before: &'static str, spot: Spot, after: &'static str) -> Mark {
    Mark { before, spot, after }
}

/// All kinds of marks.
pub const MARKS: &[Mark] = &[
    mark("<strong>", Spot::Around, "</strong>"),
    mark("<a href=\"{}\" data-card-appearance=\"inline\">", Spot::Around, "</a>"),
    mark(
        "<ac:structured-macro ac:name=\"status\"><ac:parameter ac:name=\"colour\">{}</ac:parameter>\
         <ac:parameter ac:name=\"title\">",
        Spot::Around,
        "</ac:parameter></ac:structured-macro>",
    ),
    mark(
        "<ac:structured-macro ac:name=\"jira\"><ac:parameter ac:name=\"server\">{}</ac:parameter>\
         <ac:parameter ac:name=\"key\">",
        Spot::Around,
        "</ac:parameter></ac:structured-macro>",
    ),
    mark("<ac:inline-comment-marker ac:ref=\"{}\">", Spot::Around, "</ac:inline-comment-marker>"),
    mark(
        "<ac:link><ri:page ri:space-key=\"{}\" ri:content-title=\"",
        Spot::Around,
        "\" /></ac:link>",
    ),
    mark(
        "<ac:link ac:anchor=\"{}\"><ri:attachment ri:filename=\"",
        Spot::Around,
        "\"><ri:page ri:content-title=\"{}\" /></ri:attachment></ac:link>",
    ),
    mark(
        "<ac:link><ri:page ri:content-title=\"{}\" /><ac:link-body><em>",
        Spot::Around,
        "</em></ac:link-body></ac:link>",
    ),
    mark(
        "<ac:link><ri:page ri:content-title=\"{}\" /><ac:plain-text-link-body>",
        Spot::Literal,
        "</ac:plain-text-link-body></ac:link>",
    ),
    mark("<ac:link><ri:user ri:account-id=\"{}\" /></ac:link>", Spot::Before, ""),
    mark("<time datetime=\"2026-05-01\" />", Spot::Before, ""),
    mark("<ac:emoticon ac:name=\"tick\" ac:emoji-fallback=\"{}\" />", Spot::Before, ""),
    mark("<ac:placeholder>{}</ac:placeholder>", Spot::Before, ""),
    mark(
        "<ac:macro ac:name=\"anchor\"><ac:default-parameter>{}</ac:default-parameter></ac:macro>",
        Spot::Before,
        "",
    ),
    mark("&shy;", Spot::Within, ""),
    mark("&#8203;", Spot::Within, ""),
    mark("&zwj;", Spot::Within, ""),
    mark("&#xFEFF;", Spot::Within, ""),
    mark("<!-- {} -->", Spot::Within, ""),
    mark("&nbsp;", Spot::Between, ""),
];

/// What nobody sees.
pub const UNSEEN: &[&str] = &[
    "<script type=\"text/javascript\">var note = \"{}\";</script><style>.note { color: red }</style>",
    "<!-- {} -->",
    "<ac:placeholder>{}</ac:placeholder>",
    "<ac:structured-macro ac:name=\"toc\"><ac:parameter ac:name=\"include\">{}</ac:parameter>\
     </ac:structured-macro>",
    "<ac:structured-macro ac:name=\"excerpt-include\"><ac:parameter ac:name=\"\"><ac:link>\
     <ri:page ri:content-title=\"{}\" /></ac:link></ac:parameter></ac:structured-macro>",
    "<ac:structured-macro ac:name=\"details\"><ac:parameter ac:name=\"hidden\">true</ac:parameter>\
     <ac:rich-text-body><p>{}</p></ac:rich-text-body></ac:structured-macro>",
    "<ac:structured-macro ac:name=\"css\"><ac:plain-text-body><![CDATA[.{} > p { color: red }]]>\
     </ac:plain-text-body></ac:structured-macro>",
    "<ac:adf-extension><ac:adf-node type=\"extension\"><ac:adf-attribute key=\"extension-type\">\
     com.atlassian.chart</ac:adf-attribute><ac:adf-attribute key=\"parameters\"><ac:adf-parameter \
     key=\"y-axis\"><ac:adf-parameter-value>{}</ac:adf-parameter-value></ac:adf-parameter>\
     </ac:adf-attribute><ac:adf-mark key=\"data-consumer\"><ac:adf-data-consumer-source>{}\
     </ac:adf-data-consumer-source></ac:adf-mark></ac:adf-node><ac:adf-fallback><ac:adf-node \
     type=\"extension\"><ac:adf-attribute key=\"layout\">{}</ac:adf-attribute></ac:adf-node>\
     </ac:adf-fallback></ac:adf-extension>",
    "<ac:image ac:alt=\"{}\"><ri:attachment ri:filename=\"{}.png\" /></ac:image>",
    "<ac:link><ri:space ri:space-key=\"{}\" /></ac:link>",
];
