//! New versions of pages that clients write.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::fakes::content::space::{Space, SpacePage};

/// What clients have written, by page.
#[derive(Debug, Default)]
pub(super) struct Edits(BTreeMap<u64, Edit>);

#[derive(Debug)]
struct Edit {
    /// The version of the space's own page that was replaced.
    of_version: u64,
    /// How many versions clients have added.
    added: u64,
    title: String,
    storage: String,
    text: String,
}

/// Why a new version is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotEdited {
    /// The body is none that the service can read: what is missing.
    Unread(&'static str),
    /// The number is not the next one: the current version and the one that was sent.
    Conflict(u64, u64),
}

impl Edits {
    /// A page as it is now. What the space itself changed later has replaced what a client wrote.
    pub(super) fn page(&self, id: u64, space: &Space) -> Option<SpacePage> {
        let mut page = space.page(id)?;
        if let Some(edit) = self.0.get(&id) {
            if edit.of_version == page.version {
                page.title.clone_from(&edit.title);
                page.storage.clone_from(&edit.storage);
                page.text.clone_from(&edit.text);
            }
            page.version += edit.added;
        }
        Some(page)
    }

    /// Takes the new version of a page that a body describes.
    pub(super) fn put(
        &mut self,
        page: &SpacePage,
        body: &Bytes,
        space: &Space,
    ) -> Result<(), NotEdited> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| NotEdited::Unread("the body is no JSON"))?;
        let number = body["version"]["number"].as_u64();
        let number = number.ok_or(NotEdited::Unread("version.number must be set"))?;
        let title = body["title"].as_str().filter(|title| !title.is_empty());
        let title = title.ok_or(NotEdited::Unread("title must be set"))?;
        if number != page.version + 1 {
            return Err(NotEdited::Conflict(page.version, number));
        }
        // A body that is not sent stays as it was.
        let value = body["body"]["storage"]["value"].as_str();
        let (storage, text) = match value {
            Some(value) => (value.to_owned(), text_of(value)),
            None => (page.storage.clone(), page.text.clone()),
        };
        let of_version = space.version(page.id);
        let added = number - of_version;
        let edit = Edit { of_version, added, title: title.to_owned(), storage, text };
        self.0.insert(page.id, edit);
        Ok(())
    }
}

/// The text between the tags.
fn text_of(storage: &str) -> String {
    let pieces =
        storage.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    let texts = pieces.map(str::trim).filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join("\n")
}
