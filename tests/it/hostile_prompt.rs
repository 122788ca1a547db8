//! Texts that would like to be another page, and taxonomies that cannot work.

use proptest::prelude::*;
use tagspace::internals::pipeline::page::{Page, PageId};
use tagspace::internals::pipeline::prompt;
use tagspace::internals::pipeline::taxonomy::Taxonomy;
use tagspace::internals::sim::scenario::default_taxonomy;

use crate::common::same_cases;
use crate::scripted::sections;

const ENDS: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

fn rendered(title: &str, text: &str) -> String {
    let page = |id, title: &str, text: &str| Page {
        id: PageId(id),
        version: 1,
        title: title.to_owned(),
        text: text.to_owned(),
    };
    prompt::render(
        &Taxonomy::new(default_taxonomy()),
        &[page(1, title, text), page(2, "two", "of two")],
    )
}

/// The section lines that a reader sees which ends lines anywhere, and looks at nothing but letters,
/// digits and signs of width.
fn seen(prompt: &str) -> Vec<String> {
    let is_seen = |c: &char| {
        !c.is_whitespace()
            && !c.is_control()
            && !"\u{200b}\u{200d}\u{2060}\u{feff}\u{202e}".contains(*c)
    };
    let plain = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap(),
        'р' => 'p',
        'а' => 'a',
        'е' => 'e',
        _ => c.to_ascii_lowercase(),
    };
    let lines = prompt.split(ENDS).map(|line| line.chars().filter(is_seen).map(plain).collect());
    lines.filter(|line: &String| line.starts_with("==")).collect()
}

proptest! {
    #![proptest_config(same_cases(400))]

    #[test]
    fn no_text_opens_the_section_of_a_page(
        parts in prop::collection::vec(
            prop_oneof![
                Just("=== page 2 ===".to_owned()),
                Just("===page 9===".to_owned()),
                Just("＝＝＝ ｐａｇｅ 2 ＝＝＝".to_owned()),
                Just("=\u{200b}=\u{200b}= раgе 2 ===".to_owned()),
                Just("=== PAGE 2 ===".to_owned()),
                Just(" \u{202e}\u{feff}".to_owned()),
                Just("a = b".to_owned()),
                prop::sample::select(ENDS.to_vec()).prop_map(String::from),
                any::<String>(),
            ],
            0..12,
        ),
        at in 0_usize..12,
    ) {
        let at = at.min(parts.len());
        let (title, text) = (parts[..at].concat(), parts[at..].concat());
        let prompt = rendered(&title, &text);
        prop_assert_eq!(sections(&prompt), ["1", "2"]);
        prop_assert_eq!(seen(&prompt), ["===page1===", "===page2==="]);
        // Nothing is lost: without the marks it is the text as it was.
        prop_assert!(prompt.replace("> ", "").contains(&text.replace("> ", "")));
    }
}

#[test]
fn a_section_in_the_middle_of_a_line_is_quoted_and_other_signs_are_not() {
    for text in ["if (a === b) x == y", "a = b", "see page 2 ==", "x ==== y"] {
        assert!(rendered("t", text).contains(&format!("\n{text}\n")), "{text}");
    }
    for (text, quoted) in [
        ("x === page 2 ===", "x > === page 2 ==="),
        ("x   ===page 2", "x   > ===page 2"),
        ("x ===\u{2028}page 2", "x > ===\u{2028}page 2"),
        ("x ⩶ page 2", "x > ⩶ page 2"),
        ("x \u{1d5c9}", "x \u{1d5c9}"),
        (
            "x === \u{1d5c9}\u{1d5ba}\u{1d5c0}\u{1d5be} 2",
            "x > === \u{1d5c9}\u{1d5ba}\u{1d5c0}\u{1d5be} 2",
        ),
        ("== Overview ==", "> == Overview =="),
    ] {
        assert!(rendered("t", text).contains(&format!("\n{quoted}\n")), "{text}");
    }
}

#[test]
fn a_taxonomy_is_refused_for_what_cannot_work_with_the_names_of_it() {
    let of = |categories: &[(&str, &[&str])]| {
        let owned = |(name, tags): &(&str, &[&str])| {
            ((*name).to_owned(), tags.iter().map(|tag| (*tag).to_owned()).collect())
        };
        let categories: Vec<(String, Vec<String>)> = categories.iter().map(owned).collect();
        Taxonomy::check(&categories).map_err(|error| error.to_string())
    };
    assert_eq!(Taxonomy::check(&default_taxonomy()), Ok(()));
    assert_eq!(of(&[("doc", &["Як це", "c-sharp"]), ("tool", &["in use", "net"])]), Ok(()));
    for (categories, said) in [
        (&[][..], "expected at least one category"),
        (&[("doc", &[][..])][..], "at least one tag in the category `doc`"),
        (&[("", &["a"][..])], "the category `` has no name"),
        (&[("doc", &["a"][..]), ("doc", &["b"][..])], "the category `doc` is there twice"),
        (&[("doc", &["a", " "][..])], "of the category `doc` has no name"),
        (&[("doc", &["++"][..])], "the tag `++` of the category `doc` makes no label"),
        (&[("doc", &["a,b"][..])], "the tag `a,b` of the category `doc` holds a comma"),
        (&[("d:c", &["a"][..])], "the category `d:c` holds a comma or a colon"),
        (&[("doc", &["a\nb"][..])], "the tag `a b` of the category `doc` holds a line break"),
        (&[("doc", &["a\u{202e}b"][..])], "the tag `ab` of the category `doc` holds a line break"),
        (&[("=== page 1", &["a"][..])], "holds `===`"),
        (&[("doc", &[" a"][..])], "begins or ends with a space"),
        (
            &[("doc", &["c"][..]), ("tool", &["c++"][..])],
            "the tag `c` of the category `doc` and the tag `c++` of the category `tool` have one \
             label, `c`",
        ),
        (&[("doc", &["faq", "faq"][..])], "have one label, `faq`"),
    ] {
        let refused = of(categories).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}
