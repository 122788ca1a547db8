//! What every page has: its head, its colours, its script, and sections with headings.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::draw::picture::Drawn;
use crate::report::draw::svg;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A part of a page.
#[derive(Debug)]
pub(crate) struct Section {
    /// What links lead to.
    pub(crate) id: &'static str,
    /// Its finding.
    pub(crate) heading: String,
    pub(crate) body: Markup,
}

/// The page with this title.
pub(crate) fn page(title: &str, head: &Markup, sections: &[Section]) -> String {
    let light = svg::rules(|colour| format!("var(--{})", colour.class));
    let value = |colour: &svg::Named| format!("--{}:#{:06x};", colour.class, colour.light);
    let light_values: String = svg::PALETTE.iter().map(value).collect();
    let dark = |colour: &svg::Named| format!("--{}:{};", colour.class, colour.dark);
    let dark_values: String = svg::PALETTE.iter().map(dark).collect();
    let style = format!(
        ":root{{{light_values}}}@media(prefers-color-scheme:dark){{:root{{{dark_values}}}}}\n\
         @media print{{:root{{{light_values}}}}}\n{light}\n{STYLE}"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                main {
                    (head)
                    nav aria-label="Sections" {
                        @for section in sections { a href={ "#" (section.id) } { (section.id) } " " }
                    }
                    @for section in sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-heading" } {
                            h2 id={ (section.id) "-heading" } { (section.heading) }
                            (section.body)
                        }
                    }
                    footer { "tagspace " (env!("CARGO_PKG_VERSION")) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// A table: its headings, and rows whose first cell names them.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (at, cell) in row.iter().enumerate() {
                                @if at == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands behind a picture: the same as a table.
pub(crate) fn behind(headings: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        details { summary { "As a table" } (table(headings, rows)) }
    }
}

/// A picture as wide as the page.
pub(super) fn figure(drawn: &Drawn) -> Markup {
    html! { figure { (wide(drawn)) } }
}

/// The same within a figure that has more.
pub(super) fn wide(drawn: &Drawn) -> Markup {
    html! {
        div.wide tabindex="0" {
            @match drawn {
                Ok(picture) => { (PreEscaped(picture.inline("wide-picture"))) }
                Err(error) => { p { "The picture is left out: " (error) } }
            }
        }
    }
}
