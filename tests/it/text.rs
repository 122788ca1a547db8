//! What a reader sees of a page in storage format: in text, what comes out.

use tagspace::internals::fakes::content::documents;
use tagspace::internals::fakes::content::space::{Space, SpaceConfig};
use tagspace::internals::fakes::content::storage::elements::{MARKS, PLACES, UNSEEN};
use tagspace::internals::fakes::content::storage::{StorageWriter, TextBlock};
use tagspace::internals::fakes::llm::model::Matcher;
use tagspace::internals::pipeline::text;
use tagspace::internals::pipeline::text::CODE_SHARE;
use tagspace::internals::rng::Seed;
use tagspace::internals::sim::scenario::default_taxonomy;

/// The text of a page, which is the same where an element is never closed.
fn seen(storage: &str) -> String {
    let text = text::extract(storage, 10_000);
    assert_eq!(text::extract(&format!("{storage}<div>"), 10_000), text, "{storage}");
    text
}

fn check(cases: &[(&str, &str)]) {
    for (storage, expected) in cases {
        assert_eq!(seen(storage), *expected, "{storage}");
    }
}

fn macro_of(name: &str, inside: &str) -> String {
    format!(
        "<ac:structured-macro ac:name=\"{name}\" ac:schema-version=\"1\">{inside}</ac:structured-macro>"
    )
}

#[test]
fn blocks_become_lines_and_scripts_nothing() {
    check(&[
        ("<p>Billing&nbsp;&ndash; two   nodes</p>", "Billing – two nodes"),
        ("<h1>A</h1><p>b <strong>c</strong>d</p>", "A\nb cd"),
        ("<p>a</p><script>var x = 1 &lt; 2;</script><style>p {}</style><p>b</p>", "a\nb"),
        ("<table><tbody><tr><td>1</td><td>2</td></tr></tbody></table>", "1\n2"),
        (
            "<details><summary>a</summary>b</details><section>c</section><section>d</section>",
            "a\nb\nc\nd",
        ),
        ("<dl><dt>a</dt><dd>b</dd></dl><figure>c<figcaption>d</figcaption></figure>", "a\nb\nc\nd"),
        (
            "<ac:layout><ac:layout-section><ac:layout-cell>a</ac:layout-cell><ac:layout-cell>b</ac:layout-cell></ac:layout-section></ac:layout>",
            "a\nb",
        ),
        ("&unknown; &#1078; &amp;", "&unknown; ж &"),
        ("", ""),
    ]);
    // Not well-formed: an attribute without quotes, tags that never close.
    assert_eq!(text::extract("<p class=a>one<br>two<ul><li>three", 99), "one\ntwo\nthree");
}

#[test]
fn boxes_have_titles_and_other_parameters_are_no_text() {
    let body = "<ac:rich-text-body><p>yes</p></ac:rich-text-body>";
    for name in ["info", "note", "tip", "warning", "panel", "expand", "excerpt", "chart", "ui-tab"]
    {
        let titled = "<ac:parameter ac:name=\"icon\">no</ac:parameter><ac:parameter ac:name=\"title\">\
                      Who &amp; when</ac:parameter>";
        let page = format!("<p>a</p>{}<p>b</p>", macro_of(name, &format!("{titled}{body}")));
        assert_eq!(seen(&page), "a\nWho & when\nyes\nb", "{name}");
        assert_eq!(seen(&macro_of(name, body)), "yes", "{name}");
    }
    let hidden = |value| format!("<ac:parameter ac:name=\"hidden\"> {value}</ac:parameter>{body}");
    assert_eq!(seen(&macro_of("excerpt", &hidden("false"))), "yes");
    assert_eq!(seen(&macro_of("details", &hidden("true"))), "");
    let nested = macro_of(
        "expand",
        &format!("<ac:rich-text-body>{}</ac:rich-text-body>", macro_of("note", body)),
    );
    assert_eq!(seen(&format!("{nested}<p>after</p>")), "yes\nafter");
    let default = "<ac:parameter ac:name=\"\"><ac:link><ri:page ri:content-title=\"no\" /></ac:link></ac:parameter>";
    assert_eq!(seen(&macro_of("excerpt-include", default)), "");
    check(&[
        (
            "<p><ac:macro ac:name=\"anchor\"><ac:default-parameter>no</ac:default-parameter></ac:macro>a</p>",
            "a",
        ),
        ("<p><ac:placeholder>Type / to insert</ac:placeholder></p><p>a</p>", "a"),
        ("<ac:parameter ac:name=\"title\">no macro</ac:parameter>", ""),
    ]);
}

#[test]
fn words_in_a_line_stay_in_their_line() {
    let status = macro_of(
        "status",
        "<ac:parameter ac:name=\"colour\">Red</ac:parameter><ac:parameter ac:name=\"title\">OLD</ac:parameter>",
    );
    assert_eq!(seen(&format!("<p>It is ({status}) now</p>")), "It is (OLD) now");
    assert_eq!(seen(&format!("<table><tr><td>{status}</td><td>x</td></tr></table>")), "OLD\nx");
    let issue = macro_of(
        "jira",
        "<ac:parameter ac:name=\"serverId\">1-2</ac:parameter><ac:parameter ac:name=\"key\">OPS-12</ac:parameter>",
    );
    assert_eq!(seen(&format!("<p>Wait for {issue}.</p>")), "Wait for OPS-12.");
    let file =
        "<ac:parameter ac:name=\"name\"><ri:attachment ri:filename=\"plan.pdf\" /></ac:parameter>";
    assert_eq!(seen(&macro_of("view-file", file)), "plan.pdf");
    check(&[
        (
            "<p>Done <ac:emoticon ac:name=\"tick\" ac:emoji-fallback=\":x:\" /> today</p>",
            "Done today",
        ),
        ("<p>Due <time datetime=\"2026-05-01\" /> at noon</p>", "Due at noon"),
        ("<p>a <ac:inline-comment-marker ac:ref=\"1\">b</ac:inline-comment-marker>c</p>", "a bc"),
        (
            "<p>Post&shy;gres Kuber&#8203;netes &#xFEFF;Kaf&zwj;ka a &shy;b</p>",
            "Postgres Kubernetes Kafka a b",
        ),
        ("<p>a</p>\u{200b}<p>b\u{ad}</p>", "a\nb"),
    ]);
}

#[test]
fn a_link_shows_its_body_or_the_name_of_its_target() {
    let link = |inside: &str| format!("<p>See <ac:link ac:anchor=\"no\">{inside}</ac:link>.</p>");
    let page = "<ri:page ri:space-key=\"OPS\" ri:content-title=\"Q &amp; A\" />";
    let file =
        "<ri:attachment ri:filename=\"a.pdf\"><ri:page ri:content-title=\"no\" /></ri:attachment>";
    let literal =
        "<ac:plain-text-link-body><![CDATA[a[0]]]]><![CDATA[> b]]></ac:plain-text-link-body>";
    for (inside, expected) in [
        (page.to_owned(), "See Q & A."),
        (file.to_owned(), "See a.pdf."),
        (
            "<ri:blog-post ri:content-title=\"News\" ri:posting-day=\"2026/01/02\" />".to_owned(),
            "See News.",
        ),
        (format!("{page}<ac:link-body><em>it</em></ac:link-body>"), "See it."),
        (
            format!("{page}<ac:plain-text-link-body><![CDATA[]]></ac:plain-text-link-body>"),
            "See Q & A.",
        ),
        (format!("{page}{literal}"), "See a[0]]> b."),
        (
            format!(
                "{page}<ac:link-body><ac:image><ri:attachment ri:filename=\"no\" /></ac:image></ac:link-body>"
            ),
            "See .",
        ),
        ("<ri:user ri:account-id=\"557058:a\" />".to_owned(), "See ."),
        ("<ri:space ri:space-key=\"no\" />".to_owned(), "See ."),
    ] {
        assert_eq!(seen(&link(&inside)), expected, "{inside}");
    }
    check(&[
        (
            "<ac:image ac:alt=\"no\"><ri:attachment ri:filename=\"no\" /><ac:caption><p>yes</p></ac:caption></ac:image>",
            "yes",
        ),
        ("<a href=\"https://no\" data-card-appearance=\"inline\">https://yes</a>", "https://yes"),
    ]);
    // In whatever quotes and case, where XML does not hold.
    let loose = "<AC:Link><RI:Page a=b RI:Content-Title='x > y' c></AC:LINK> z</x>";
    assert_eq!(text::extract(loose, 99), "x > y z");
}

#[test]
fn extensions_are_seen_once() {
    let attribute = "<ac:adf-attribute key=\"panel-type\">no</ac:adf-attribute>";
    let extension = |node: &str, fallback: &str| {
        format!(
            "<ac:adf-extension><ac:adf-node type=\"x\">{attribute}{node}</ac:adf-node>{fallback}</ac:adf-extension>"
        )
    };
    let content = |text: &str| format!("<ac:adf-content>{text}</ac:adf-content>");
    let fallback = |text: &str| format!("<ac:adf-fallback><div>{text}</div></ac:adf-fallback>");
    let panel = extension(&content("<p>only</p>"), &fallback("<p>only</p>"));
    let item = |text| {
        format!("<ac:adf-node type=\"decision-item\">{attribute}{}</ac:adf-node>", content(text))
    };
    let decisions = extension(
        &format!("{}{}", item("a"), item("b")),
        &fallback("<ul><li>a</li><li>b</li></ul>"),
    );
    let chart = "<ac:adf-attribute key=\"parameters\"><ac:adf-parameter key=\"y\"><ac:adf-parameter-value>no\
         </ac:adf-parameter-value></ac:adf-parameter></ac:adf-attribute><ac:adf-mark key=\"c\">\
         <ac:adf-data-consumer-source>no</ac:adf-data-consumer-source></ac:adf-mark>";
    check(&[
        (&format!("<p>x</p>{panel}<p>y</p>"), "x\nonly\ny"),
        (&decisions, "a\nb"),
        (&extension("", &fallback("<p>instead</p>")), "instead"),
        (&extension("", ""), ""),
        (&extension(&content("<p>bodied</p>"), ""), "bodied"),
        (&extension(&content(&panel), &fallback(&panel)), "only"),
        (&extension("", &fallback(&panel)), "only"),
        (&format!("{}{}", extension(chart, &fallback(&extension(chart, ""))), panel), "only"),
        (
            "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-uuid>2</ac:task-uuid><ac:task-status>complete</ac:task-status><ac:task-body><span>do</span></ac:task-body></ac:task><ac:task><ac:task-body>it</ac:task-body></ac:task></ac:task-list>",
            "do\nit",
        ),
        (
            "<table ac:local-id=\"x\"><ac:adf-fragment-mark><ac:adf-fragment-mark-detail name=\"no\" /></ac:adf-fragment-mark><tr><td>a</td></tr></table>",
            "a",
        ),
    ]);
}

fn code(name: &str, body: &str) -> String {
    macro_of(name, &format!("<ac:plain-text-body><![CDATA[{body}]]></ac:plain-text-body>"))
}

#[test]
fn code_keeps_its_lines_and_html_is_read() {
    for name in ["code", "noformat", "markdown", "plantuml"] {
        let page = format!("<p>x</p>{}<p>y</p>", code(name, "if a <  b &&\n\n\tc: &lt;d>"));
        assert_eq!(seen(&page), "x\nif a < b &&\nc: &lt;d>\ny", "{name}");
    }
    let html =
        "<p class=a>one<br>two &amp; <script>if (a</p>b)</script></ac:structured-macro>three";
    assert_eq!(seen(&format!("{}<p>y</p>", code("html", html))), "one\ntwo & three\ny");
    assert_eq!(seen(&code("css", "p { color: red }")), "");
    check(&[("<p>x</p><pre>a\n  b &quot;c&quot;</pre>y", "x\na\nb \"c\"\ny")]);
}

#[test]
fn code_takes_a_share_or_what_prose_leaves() {
    let log = "error: disk full\n".repeat(400);
    let prose = "Only Kafka is affected. ".repeat(500);
    let limit = 3_000;
    for place in ["code", "markdown", "pre"] {
        let log = if place == "pre" { format!("<pre>{log}</pre>") } else { code(place, &log) };
        // Prose fills the rest, wherever it stands.
        let both = text::extract(&format!("{log}<p>{prose}</p>"), limit);
        let (first, rest) = both.split_at(limit / CODE_SHARE);
        assert!(
            first.starts_with("error: disk full\nerror") && !first.contains("Kafka"),
            "{place}"
        );
        assert!(rest.starts_with("\nOnly Kafka is") && !rest.contains("disk"), "{place}");
        assert_eq!(both.len(), limit);
        // A little prose is all there, and code around it has the room that is left.
        let little = text::extract(&format!("{log}<p>Kafka is down</p>{log}<p>The end</p>"), limit);
        assert!(
            little.ends_with("\nKafka is down\nThe end")
                || little.contains("\nKafka is down\nerror"),
            "{place}"
        );
        assert!(little.contains("disk full\n"), "{place}");
        assert_eq!(little.len(), limit, "{place}");
        // A page of nothing else is code.
        assert_eq!(text::extract(&log, limit).len(), limit, "{place}");
    }
    assert_eq!(text::extract(&code("code", "a b"), 2), "a ");
}

fn writer(seed: u64) -> StorageWriter {
    let decoys = ["hidden".to_owned()].into();
    let mut writer = StorageWriter::new(Seed(seed).draw("elements", 1, 1).sequence(), decoys);
    // Code may stand where there is much other text.
    writer.block(TextBlock::Paragraph, "first words ".repeat(40).trim_end());
    writer
}

const LINE: &str = "the <words> of a line & \"more\" ]]> it's ж";

fn agrees(kind: &str, written: StorageWriter, own: &str) {
    let (storage, text) = written.finish();
    assert!(storage.contains(own), "{kind}: {storage}");
    assert_eq!(seen(&storage), text, "{kind}: {storage}");
}

#[test]
fn every_element_of_the_fake_space_reads_as_it_was_meant() {
    for seed in 0..40 {
        for place in PLACES {
            let mut written = writer(seed);
            written.placed(place, LINE);
            written.block(TextBlock::Paragraph, "last words");
            agrees(&format!("{place:?}"), written, place_tag(&format!("{place:?}")));
        }
        for mark in MARKS {
            let mut written = writer(seed);
            written.marked(mark, LINE);
            written.block(TextBlock::Heading(2), "last words");
            agrees(&format!("{mark:?}"), written, "");
        }
        for kind in UNSEEN {
            let mut written = writer(seed);
            written.unseen(kind, "no <one> -- ]]> sees");
            written.block(TextBlock::Paragraph, "last words");
            agrees(kind, written, &kind[..kind.find("{}").unwrap()]);
        }
        let items: Vec<String> = [LINE, "", "one", "two words"].map(str::to_owned).into();
        let mut written = writer(seed);
        written.list(&items);
        written.decisions(&items);
        written.table(&[items.clone(), items]);
        written.rich_paragraph("a b", "c", "d & e", "f");
        written.info("no", LINE);
        agrees("list", written, "decision-item");
    }
}

/// The first tag of a place, out of what `Debug` writes of it.
fn place_tag(debug: &str) -> &str {
    let from = debug.find('<').unwrap();
    let rest = &debug[from..];
    &rest[..rest.find(['>', ' ']).unwrap()]
}

#[test]
fn words_that_decide_tags_stand_in_every_kind_of_element() {
    let config =
        "pages = 400\nukrainian_ratio = 0.3\nchars = { median = 2600, sigma = 0.3, max = 6000 }";
    let config: SpaceConfig = toml::from_str(config).unwrap();
    let taxonomy = default_taxonomy();
    let named = taxonomy.iter().map(|(category, tags)| (category.as_str(), tags.as_slice()));
    let matcher = Matcher::new(named).unwrap();
    let space = Space::new(config, taxonomy.clone(), Vec::new(), Seed(7));
    let pages: Vec<String> = space.ids().map(|id| space.page(id).unwrap().storage).collect();
    let tags = |storage: &str| matcher.tags(&text::extract(storage, 3_000));
    // A change of names that makes a reading lose an element, read it twice, or show what is hidden.
    let changes = [
        ("ac:adf-content", "ac:adf-mark"),
        ("ac:adf-fallback", "ac:adf-mark"),
        ("ac:adf-fallback", "ac:adf-second"),
        ("ac:adf-attribute", "ac:adf-shown"),
        ("ac:task-body", "ac:task-id"),
        ("ac:task-uuid", "ac:task-shown"),
        ("ac:caption", "ac:placeholder"),
        ("ac:layout-cell", "ac:placeholder"),
        ("ac:rich-text-body", "ac:placeholder"),
        ("ac:plain-text-body", "ac:placeholder"),
        ("ac:plain-text-link-body", "ac:placeholder"),
        ("ac:link-body", "ac:placeholder"),
        ("ac:inline-comment-marker", "ac:placeholder"),
        ("ac:placeholder", "ac:shown"),
        ("ac:default-parameter", "ac:shown"),
        ("ac:name=\"title\"", "ac:name=\"other\""),
        ("ac:name=\"key\"", "ac:name=\"other\""),
        ("ac:name=\"hidden\"", "ac:name=\"other\""),
        ("ac:name=\"status\"", "ac:name=\"anchor\""),
        ("ac:name=\"code\"", "ac:name=\"css\""),
        ("ac:name=\"markdown\"", "ac:name=\"css\""),
        ("ac:name=\"html\"", "ac:name=\"css\""),
        ("ri:content-title", "ri:other"),
        ("ri:filename", "ri:other"),
        ("&shy;", "-"),
        ("&#8203;", " "),
        ("summary", "template"),
        ("dt>", "template>"),
        ("blockquote", "template"),
        ("script", "div"),
    ];
    let is_unnoticed = |(from, to): &(&str, &str)| {
        pages.iter().all(|page| tags(page) == tags(&page.replace(from, to)))
    };
    let unnoticed: Vec<_> = changes.into_iter().filter(is_unnoticed).collect();
    assert_eq!(unnoticed, []);
}

#[test]
fn real_documents_stand_in_the_same_elements() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let paragraph =
        "<h2>Two</h2><p>Post&shy;gres \u{200b}&amp; Kafka</p><ul><li>one two three four five";
    std::fs::write(&path, paragraph.repeat(60)).unwrap();
    let document = documents::read(&path, writer(3)).unwrap();
    assert!(document.text.ends_with("\nTwo\nPostgres & Kafka\none two three four five"));
    for element in ["adf-extension", "task-list", "caption", "plain-text-body", "link", "emoticon"]
    {
        assert!(document.storage.contains(&format!("<ac:{element}")), "{element}");
    }
    assert_eq!(seen(&document.storage), document.text);
}
