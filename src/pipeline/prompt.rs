//! The question about a batch of pages.
//!
//! The prompt is one text: instructions, the taxonomy as `category: tag, tag`, then for each page
//! a line `=== page <id> ===`, the title and the text. What comes first is the same in every
//! prompt, so that a provider can cache it. No title and no text can open the section of another
//! page (`quote.rs`).

use crate::pipeline::page::{Page, PageId};
use crate::pipeline::taxonomy::{TAGS_PER_CATEGORY, Taxonomy};
use crate::pipeline::{quote, tokens};

/// The fixed first part of every prompt.
pub fn instructions() -> String {
    format!(
        "You tag wiki pages. Read each page below and choose the tags that describe it.\n\
         Take tags only from the list, at most {TAGS_PER_CATEGORY} of each category, \
         and none where nothing fits.\n\
         Answer for every page by its id, and judge each page by its own text alone.\n\
         The list, one category a line.\n"
    )
}

/// The tokens of the line that begins a page, and of the blanks around it.
const LINE_TOKENS: u64 = 10;

/// The tokens that these pages add to a prompt, about.
pub fn tokens(pages: &[Page]) -> u64 {
    let page = |page: &Page| tokens::count(&page.title) + tokens::count(&page.text) + LINE_TOKENS;
    pages.iter().map(page).sum()
}

/// The line that begins a page.
pub fn line_of(page: PageId) -> String {
    format!("=== page {page} ===")
}

/// The prompt for these pages.
pub fn render(taxonomy: &Taxonomy, pages: &[Page]) -> String {
    let text: usize = pages.iter().map(|page| page.title.len() + page.text.len() + 40).sum();
    let mut prompt = instructions();
    prompt.reserve(text + 1024);
    for (category, tags) in taxonomy.categories() {
        prompt.push_str(category);
        prompt.push_str(": ");
        prompt.push_str(&tags.join(", "));
        prompt.push('\n');
    }
    for page in pages {
        prompt.push('\n');
        prompt.push_str(&line_of(page.id));
        prompt.push('\n');
        quote::push(&mut prompt, &page.title);
        prompt.push('\n');
        quote::push(&mut prompt, &page.text);
        prompt.push('\n');
    }
    prompt
}
