//! A space that keeps the labels that it is given, over the scripted server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::scripted::{Asked, Reply, Server, page};

/// The labels of each page.
type Labels = BTreeMap<u64, BTreeSet<String>>;

/// A space, and what was done to its labels.
#[derive(Clone, Default)]
pub(crate) struct Wiki {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    labels: Labels,
    /// Pages whose text is not the first one.
    edited: BTreeSet<u64>,
    /// Labels that were added to a page that had them.
    added_twice: usize,
}

impl Wiki {
    /// Serves a space of `pages` pages, whose model takes `model_takes` for each call.
    #[expect(clippy::disallowed_methods, reason = "another process waits for it")]
    pub(crate) fn serve(&self, pages: u64, model_takes: Duration) -> Server {
        let wiki = self.clone();
        Server::start(pages, move |asked| {
            if asked.target.contains("generateContent") {
                thread::sleep(model_takes);
                return None;
            }
            wiki.reply(asked, pages)
        })
    }

    pub(crate) fn labels(&self) -> Labels {
        self.state.lock().unwrap().labels.clone()
    }

    /// The pages with a label.
    pub(crate) fn labelled(&self, label: &str) -> Vec<u64> {
        let labels = self.labels().into_iter();
        labels.filter(|(_, of)| of.contains(label)).map(|(page, _)| page).collect()
    }

    pub(crate) fn added_twice(&self) -> usize {
        self.state.lock().unwrap().added_twice
    }

    /// A person adds a label.
    pub(crate) fn label(&self, page: u64, label: &str) {
        let mut state = self.state.lock().unwrap();
        state.labels.entry(page).or_default().insert(label.to_owned());
    }

    /// A person removes a label.
    pub(crate) fn unlabel(&self, page: u64, label: &str) {
        let mut state = self.state.lock().unwrap();
        state.labels.entry(page).or_default().remove(label);
    }

    /// A person edits pages.
    pub(crate) fn edit(&self, pages: impl IntoIterator<Item = u64>) {
        self.state.lock().unwrap().edited.extend(pages);
    }

    /// What it answers about its labels and pages.
    pub(crate) fn reply(&self, asked: &Asked, pages: u64) -> Option<Reply> {
        let mut state = self.state.lock().unwrap();
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let parts: Vec<&str> = path.trim_start_matches("/wiki/").split('/').collect();
        let list =
            |results: Vec<Value>| Some(Reply::of(200, &json!({"results": results, "_links": {}})));
        let named = |(id, name): (usize, &String)| json!({"id": id.to_string(), "name": name, "prefix": "global"});
        let all: BTreeSet<String> = state.labels.values().flatten().cloned().collect();
        match parts[..] {
            ["api", "v2", "spaces", _, "pages"] => {
                list((1..=pages).map(|id| state.page(id)).collect())
            }
            ["api", "v2", "spaces", _, "content", "labels"] => {
                list(all.iter().enumerate().map(named).collect())
            }
            ["api", "v2", "labels", id, "pages"] => {
                let label = all.iter().nth(id.parse().ok()?)?;
                let has = |(_, labels): &(&u64, &BTreeSet<String>)| labels.contains(label);
                let of = state.labels.iter().filter(has);
                list(of.map(|(page, _)| json!({"id": page.to_string()})).collect())
            }
            ["api", "v2", "pages", id, "labels"] => {
                let labels = state.labels.get(&id.parse().ok()?).cloned().unwrap_or_default();
                list(labels.iter().enumerate().map(named).collect())
            }
            ["rest", "api", "content", id, "label"] if asked.head.starts_with("GET ") => {
                let labels = state.labels.get(&id.parse().ok()?).cloned().unwrap_or_default();
                list(labels.iter().enumerate().map(named).collect())
            }
            ["rest", "api", "content", id, "label"] => {
                let page: u64 = id.parse().ok()?;
                state.change(page, asked, query);
                list(Vec::new())
            }
            _ => None,
        }
    }
}

impl State {
    fn page(&self, id: u64) -> Value {
        let mut page = page(id);
        if self.edited.contains(&id) {
            page["version"]["number"] = json!(2);
            page["body"]["storage"]["value"] = json!(format!("<p>Another guide to {id}</p>"));
        }
        page
    }

    fn change(&mut self, page: u64, asked: &Asked, query: &str) {
        let labels = self.labels.entry(page).or_default();
        if asked.head.starts_with("DELETE ") {
            labels.remove(query.trim_start_matches("name="));
        } else if asked.head.starts_with("POST ") {
            let added: Value = serde_json::from_str(&asked.body).unwrap();
            for label in added.as_array().unwrap() {
                let is_new = labels.insert(label["name"].as_str().unwrap().to_owned());
                self.added_twice += usize::from(!is_new);
            }
        }
    }
}
