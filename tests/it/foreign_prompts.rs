//! Pages that Confluence gave out, in prompts of clients that have a form of their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tagspace::internals::fakes::world::World;
use tagspace::internals::fakes::world_event::WorldEvent;

use crate::common::scenario;
use crate::wire_formats::{Service, asking, body};

type Tags = BTreeMap<String, Vec<String>>;

/// A page as a client gets it, and its true tags.
struct Got {
    id: String,
    storage: String,
    truth: Tags,
}

/// All pages of a space, listed.
fn listed(service: &mut Service) -> Vec<Got> {
    let list = body(&service.confluence(
        "GET",
        "/api/v2/pages?body-format=storage&limit=250",
        &Value::Null,
    ));
    let truths: BTreeMap<String, Tags> = (service.0.take_records().into_iter())
        .filter_map(|record| match record {
            WorldEvent::PageTruth { page, tags } => Some((page.to_string(), tags)),
            _ => None,
        })
        .collect();
    let pages = list["results"].as_array().unwrap().iter();
    pages
        .map(|page| {
            let id = page["id"].as_str().unwrap().to_owned();
            let storage = page["body"]["storage"]["value"].as_str().unwrap().to_owned();
            let truth = truths[&id].clone();
            Got { id, storage, truth }
        })
        .collect()
}

/// Storage format as plain people turn it into text: tags away, everything else stays.
fn stripped(storage: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in storage.chars() {
        match letter {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&quot;", "\"")
}

/// The taxonomy, a tag a line, among instructions that name a tag as well.
fn instructions(truth: &[Got]) -> String {
    let mut tags: Vec<&String> =
        truth.iter().flat_map(|got| got.truth.values().flatten()).collect();
    tags.sort();
    tags.dedup();
    let lines: Vec<String> = tags.iter().map(|tag| format!("- {tag}")).collect();
    format!(
        "You tag pages.\nrule: be brief, be right\nALLOWED TAGS:\n{}\nIf a page is a {}, say so.\n",
        lines.join("\n"),
        tags[0]
    )
}

fn said(service: &mut Service, asked: &Value) -> Value {
    let answer = body(&service.gemini(0, "generateContent", asked));
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_page_gets_its_own_tags_whatever_form_the_prompt_has() {
    let mut service = Service::new(&[]);
    let pages = listed(&mut service);
    let list = instructions(&pages);
    let mut tagged = 0;
    for page in &pages {
        let texts = [stripped(&page.storage), page.storage.clone()];
        for text in texts {
            let prompt =
                format!("{list}\nCONTENT TO ANALYZE:\n{text}\n\nReturn ONLY JSON from {list}");
            let tags: Tags = serde_json::from_value(said(&mut service, &asking(&prompt))).unwrap();
            assert_eq!(tags, page.truth, "{prompt}");
            tagged += tags.values().flatten().count();
        }
    }
    assert!(tagged > 40, "{tagged}");
    let fired = service.0.take_records();
    assert!(!fired.iter().any(|record| matches!(record, WorldEvent::TaxonomyInPage { .. })));
}

#[test]
fn several_pages_of_a_prompt_are_told_apart() {
    let mut service = Service::new(&[]);
    let pages = listed(&mut service);
    let mut prompt = instructions(&pages);
    // Whatever their order, and with one left out.
    for page in pages.iter().rev().skip(1).take(6) {
        let text = stripped(&page.storage);
        prompt = format!("{prompt}\n<document>\n{text}\n</document>\n");
    }
    let item = json!({"type": "OBJECT", "required": ["id", "labels"], "properties": {
        "id": {"type": "STRING"}, "labels": {"type": "ARRAY", "items": {"type": "STRING"}}}});
    let mut asked = asking(&prompt);
    asked["generationConfig"] = json!({"responseMimeType": "application/json", "responseSchema": {
        "type": "ARRAY", "items": item}});
    let answer = said(&mut service, &asked);
    let wanted: Vec<Value> = (pages.iter().rev().skip(1).take(6))
        .map(|page| {
            let labels: Vec<&String> = page.truth.values().flatten().collect();
            json!({"id": page.id, "labels": labels})
        })
        .collect();
    assert_eq!(answer, json!(wanted));
}

#[test]
fn what_pages_have_in_common_is_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let number = |n: u32| format!("number{n} stands here as word{n} of all{n} and more{n}");
    let common: Vec<String> = (100..108).map(number).collect();
    let common = common.join(" ");
    for n in 0..12 {
        // Two of them have a part in common that no other has.
        let own: Vec<String> = (0..8).map(|k| number(n / 2 * 10 + k)).collect();
        let html = format!(
            "<html><head><title>Page {n}</title></head><body><p>{common}</p><p>{}</p><p>{} kafka</p></body></html>",
            own.join(" "),
            number(1_000 + n)
        );
        std::fs::write(folder.path().join(format!("{n}.html")), html).unwrap();
    }
    let text = format!(
        "# Documents?\nschema = 1\nseed = 7\n[space]\ndir = {:?}\n[confluence]\n[gemini]\nmodel = \"gemini-3.5-flash-lite\"\n",
        folder.path()
    );
    let mut service = Service(World::new(scenario(&text, &[]).world));
    service.0.begin_run(0, tagspace::internals::units::Ratio::ZERO, None, 3_000);
    for page in listed(&mut service) {
        let text = stripped(&page.storage);
        // As a site shows it: what all pages have stands there once more.
        let prompt = format!("Say how this is tagged.\n{common}\n{text}\n{common}\n");
        let tags = said(&mut service, &asking(&prompt));
        assert_eq!(tags["tool"], json!(["kafka"]), "{tags}");
    }
}

#[test]
fn what_was_cut_off_is_not_judged_and_what_was_never_given_out_is_a_text_like_any_other() {
    let mut service = Service::new(&[]);
    let pages = listed(&mut service);
    let most = |got: &&Got| got.truth.values().flatten().count();
    let page = pages.iter().max_by_key(most).unwrap();
    let text = stripped(&page.storage);
    let half: String = text.chars().take(text.chars().count() / 3).collect();
    let list = instructions(&pages);
    let tags: Tags =
        serde_json::from_value(said(&mut service, &asking(&format!("{list}\n{half}")))).unwrap();
    let (seen, all) = (tags.values().flatten(), page.truth.values().flatten());
    assert!(seen.count() < all.count(), "{tags:?}");
    // To a model that has not seen the page, the list is a part of it.
    let mut other = Service::new(&[]);
    let prompt = format!("{list}\n{text}").replace("rule: ", "");
    let all: Tags = serde_json::from_value(said(&mut other, &asking(&prompt))).unwrap();
    assert_ne!(all, page.truth);
    let fired = other.0.take_records();
    assert!(fired.iter().any(|record| matches!(record, WorldEvent::TaxonomyInPage { .. })));
}
