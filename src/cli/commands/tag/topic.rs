//! What a job is about, by which it is found again.

use std::collections::BTreeSet;

use crate::pipeline::job::PageSelection;
use crate::pipeline::page::PageId;
use crate::pipeline::store::JobRecord;

/// How the topic of a job of `--apply` begins.
const OF_FILE: &str = "file ";

/// Of a job that asks models: its spaces, its query, or the list of its pages.
pub(super) fn topic(what: &PageSelection) -> String {
    match what {
        PageSelection::Spaces(keys) => keys.join(" "),
        PageSelection::Found(query) => query.to_string(),
        PageSelection::Pages(pages) => {
            let ids: BTreeSet<PageId> = pages.iter().copied().collect();
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            format!("pages {}", ids.join(","))
        }
    }
}

/// Of a job of `--apply`: the digest of its file.
pub(super) fn topic_of_file(digest: &str) -> String {
    format!("{OF_FILE}{digest}")
}

/// Whether a job writes what stands in a file.
pub(super) fn is_of_file(job: &JobRecord) -> bool {
    job.topic.starts_with(OF_FILE)
}
