//! Reads the labels of spaces: of each label of the taxonomy the pages that have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::pipeline::confluence::{Label, NoResponse};
use crate::pipeline::error::PipelineError;
use crate::pipeline::run::RunContext;
use crate::pipeline::run::known_labels::ByPage;
use crate::pipeline::run::tasks::BoundedTasks;

/// Lets each page be read by itself, unless the labels of the space are read by then; so nobody waits
/// for a reader that has come to its end, however it did.
struct Otherwise<'a>(&'a RunContext);

impl Drop for Otherwise<'_> {
    fn drop(&mut self) {
        self.0.labels.are_by_page();
    }
}

/// Reads which pages of these spaces have which labels of the taxonomy.
pub(crate) async fn read_spaces(
    run: &Arc<RunContext>,
    spaces: &[String],
) -> Result<(), PipelineError> {
    let _otherwise = Otherwise(run);
    let mut all = ByPage::new();
    for space in spaces {
        let Ok(by_page) = by_label(run, space).await? else { return Ok(()) };
        all.extend(by_page);
    }
    if !spaces.is_empty() {
        run.labels.are_read(all);
    }
    Ok(())
}

async fn by_label(
    run: &Arc<RunContext>,
    space: &str,
) -> Result<Result<ByPage, NoResponse>, PipelineError> {
    let labels = match run.shared.confluence.labels_of_space(space, &run.cancel).await {
        Ok(labels) => labels,
        Err(unread) => return Ok(Err(unread)),
    };
    let owned = labels.into_iter().filter(|label| run.shared.taxonomy.owns_label(&label.name));
    // Each name once, whatever a site says.
    let owned: BTreeMap<String, Label> = owned.map(|label| (label.name.clone(), label)).collect();
    let mut readers = BoundedTasks::new(run.config().confluence_concurrency);
    let found: Arc<Mutex<Result<ByPage, NoResponse>>> = Arc::new(Mutex::new(Ok(ByPage::new())));
    for label in owned.into_values() {
        readers.room().await?;
        let (run, space, found) = (Arc::clone(run), space.to_owned(), Arc::clone(&found));
        readers.spawn(async move { read_label(&run, &space, label, &found).await });
    }
    readers.finish().await?;
    let found = std::mem::replace(&mut *found.lock(), Err(NoResponse::Stopped));
    Ok(found)
}

/// Adds the pages that have a label, or what came instead.
async fn read_label(
    run: &RunContext,
    space: &str,
    label: Label,
    found: &Mutex<Result<ByPage, NoResponse>>,
) {
    let pages = run.shared.confluence.pages_with(&label.id, space, &run.cancel).await;
    let name: Arc<str> = label.name.into();
    let mut found = found.lock();
    match (pages, &mut *found) {
        (Ok(pages), Ok(by_page)) => {
            for page in pages {
                by_page.entry(page).or_default().push(Arc::clone(&name));
            }
        }
        (Err(unread), Ok(_)) => *found = Err(unread),
        (_, Err(_)) => {}
    }
}
