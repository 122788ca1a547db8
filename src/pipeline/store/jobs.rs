//! Jobs that write, and the labels that each of them changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::StoreError;
use super::journal::{Journal, LabelChange};
use super::sqlite::SqliteStore;
use crate::pipeline::error::Cause;
use crate::pipeline::page::PageId;

/// A job that writes labels, from its first run until every page is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    id: i64,
    /// Its name, which no other job has.
    pub name: String,
    /// The address of the site.
    pub site: String,
    /// Its spaces, its query, the list of its pages, or the digest of its file.
    pub topic: String,
    /// When it began, in seconds since 1970.
    pub begun_s: i64,
    /// Whether every page was done in the end.
    pub is_ended: bool,
    /// The pages whose labels it changed.
    pub pages: u64,
    /// The labels that it added.
    pub added: u64,
    /// The labels that it removed.
    pub removed: u64,
    /// The pages that are done.
    pub done: u64,
    /// The pages that failed.
    pub failed: u64,
}

const SELECT: &str = "
    SELECT id, name, site, begun_s, ended_s IS NOT NULL, count(DISTINCT page),
           coalesce(sum(was_added), 0), coalesce(sum(NOT was_added), 0),
           (SELECT count(*) FROM pages WHERE pages.job = jobs.id AND failure IS NULL),
           (SELECT count(*) FROM pages WHERE pages.job = jobs.id AND failure IS NOT NULL),
           topic
    FROM jobs LEFT JOIN labels ON job = id";

fn record(row: &Row<'_>) -> Result<JobRecord, rusqlite::Error> {
    Ok(JobRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        site: row.get(2)?,
        begun_s: row.get(3)?,
        is_ended: row.get(4)?,
        pages: row.get(5)?,
        added: row.get(6)?,
        removed: row.get(7)?,
        done: row.get(8)?,
        failed: row.get(9)?,
        topic: row.get(10)?,
    })
}

impl SqliteStore {
    /// The job of this site and topic that has not come to its end, or else a new one, called `noun` and
    /// a number. With `anew` it is a new one in any case, and those before it are at their end.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn begin_job(
        &self,
        site: &str,
        topic: &str,
        noun: &str,
        anew: bool,
    ) -> Result<JobRecord, StoreError> {
        self.with(|connection| {
            if anew {
                let end = "UPDATE jobs SET ended_s = unixepoch()
                           WHERE site = ?1 AND topic = ?2 AND ended_s IS NULL";
                connection.execute(end, [site, topic])?;
            }
            let open = "SELECT name FROM jobs WHERE site = ?1 AND topic = ?2 AND ended_s IS NULL
                        ORDER BY id DESC LIMIT 1";
            let open = connection.query_row(open, [site, topic], |row| row.get(0)).optional()?;
            let name: String = match open {
                Some(name) => name,
                None => connection.query_row(
                    "INSERT INTO jobs (name, site, topic, begun_s)
                     VALUES (?3 || '-' || (1 + coalesce((SELECT seq FROM sqlite_sequence
                                                         WHERE name = 'jobs'), 0)),
                             ?1, ?2, unixepoch())
                     RETURNING name",
                    [site, topic, noun],
                    |row| row.get(0),
                )?,
            };
            find(connection, &name)?.ok_or(StoreError::Sqlite(rusqlite::Error::QueryReturnedNoRows))
        })
    }

    /// Every page of the job is done.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn end_job(&self, job: &JobRecord) -> Result<(), StoreError> {
        self.with(|connection| {
            connection.execute("UPDATE jobs SET ended_s = unixepoch() WHERE id = ?1", [job.id])?;
            Ok(())
        })
    }

    /// The job of this name.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn job(&self, name: &str) -> Result<Option<JobRecord>, StoreError> {
        self.with(|connection| find(connection, name))
    }

    /// All jobs, the latest first.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        self.with(|connection| {
            let mut jobs = connection.prepare(&format!("{SELECT} GROUP BY id ORDER BY id DESC"))?;
            let jobs = jobs.query_map([], record)?;
            Ok(jobs.collect::<Result<_, _>>()?)
        })
    }

    /// The pages of a job that failed, each with its reason.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn failed(&self, job: &JobRecord) -> Result<BTreeMap<PageId, String>, StoreError> {
        self.with(|connection| {
            let mut pages = connection.prepare(
                "SELECT page, failure FROM pages WHERE job = ?1 AND failure IS NOT NULL",
            )?;
            let pages = pages.query_map([job.id], |row| Ok((PageId(row.get(0)?), row.get(1)?)))?;
            Ok(pages.collect::<Result<_, _>>()?)
        })
    }

    /// The labels that jobs of a site gave to its pages and that no job took away again later.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn written(&self, site: &str) -> Result<BTreeMap<PageId, BTreeSet<String>>, StoreError> {
        self.with(|connection| {
            let mut rows = connection.prepare(
                "SELECT page, label FROM labels AS one JOIN jobs ON jobs.id = job
                 WHERE site = ?1 AND was_added AND is_made AND NOT EXISTS (
                     SELECT 1 FROM labels AS later JOIN jobs ON jobs.id = later.job
                     WHERE site = ?1 AND later.page = one.page AND later.label = one.label
                     AND NOT later.was_added AND later.is_made AND later.made_ms >= one.made_ms)",
            )?;
            let mut written: BTreeMap<PageId, BTreeSet<String>> = BTreeMap::new();
            let mut rows = rows.query([site])?;
            while let Some(row) = rows.next()? {
                written.entry(PageId(row.get(0)?)).or_default().insert(row.get(1)?);
            }
            Ok(written)
        })
    }

    /// What a job changed and what is not taken back yet, by page.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn changes(&self, job: &JobRecord) -> Result<Vec<LabelChange>, StoreError> {
        self.with(|connection| {
            // What was made says more than what was planned for the same label and perhaps not made.
            let mut rows = connection.prepare(
                "SELECT page, label, was_added FROM labels AS one
                 WHERE job = ?1 AND (is_made OR NOT EXISTS (
                     SELECT 1 FROM labels AS other WHERE other.job = one.job
                     AND other.page = one.page AND other.label = one.label AND other.is_made))
                 ORDER BY page, label",
            )?;
            let mut changes: BTreeMap<PageId, LabelChange> = BTreeMap::new();
            let mut rows = rows.query([job.id])?;
            while let Some(row) = rows.next()? {
                let (page, label, was_added) = (PageId(row.get(0)?), row.get(1)?, row.get(2)?);
                let none = LabelChange { page, added: Vec::new(), removed: Vec::new() };
                let change = changes.entry(page).or_insert(none);
                if was_added { change.added.push(label) } else { change.removed.push(label) }
            }
            Ok(changes.into_values().collect())
        })
    }
}

fn find(connection: &Connection, name: &str) -> Result<Option<JobRecord>, StoreError> {
    let named = format!("{SELECT} WHERE name = ?1 GROUP BY id");
    Ok(connection.query_row(&named, [name], record).optional()?)
}

/// The journal of one job.
#[derive(Debug)]
pub struct JobJournal {
    store: Arc<SqliteStore>,
    job: i64,
}

impl JobJournal {
    /// Writes down what this job does.
    pub fn of(store: Arc<SqliteStore>, job: &JobRecord) -> Self {
        Self { store, job: job.id }
    }
}

impl Journal for JobJournal {
    fn planned(&self, change: &LabelChange) -> Result<(), StoreError> {
        self.each(change, |connection, label, is_added| {
            let mut plan = connection.prepare_cached(
                "INSERT INTO labels (job, page, label, was_added, is_made) VALUES (?1, ?2, ?3, ?4, 0)
                 ON CONFLICT DO NOTHING",
            )?;
            plan.execute(params![self.job, change.page.0, label, is_added])
        })
    }

    fn made(&self, change: &LabelChange) -> Result<(), StoreError> {
        self.each(change, |connection, label, is_added| {
            // What an earlier job of the site did was undone by somebody since: it is this job's now.
            let mut supersede = connection.prepare_cached(
                "DELETE FROM labels WHERE page = ?2 AND label = ?3 AND was_added = ?4 AND job <> ?1
                 AND job IN (SELECT id FROM jobs WHERE site = (SELECT site FROM jobs WHERE id = ?1))",
            )?;
            supersede.execute(params![self.job, change.page.0, label, is_added])?;
            // A job that changes a label and changes it back has done nothing to it.
            let mut forget = connection.prepare_cached(
                "DELETE FROM labels WHERE job = ?1 AND page = ?2 AND label = ?3 AND EXISTS (
                     SELECT 1 FROM labels WHERE job = ?1 AND page = ?2 AND label = ?3
                     AND was_added <> ?4 AND is_made)",
            )?;
            let row = params![self.job, change.page.0, label, is_added];
            if forget.execute(row)? > 0 {
                return Ok(0);
            }
            let mut make = connection.prepare_cached(
                "INSERT INTO labels (job, page, label, was_added, is_made, made_ms)
                 VALUES (?1, ?2, ?3, ?4, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
                 ON CONFLICT DO UPDATE SET is_made = 1, made_ms = excluded.made_ms",
            )?;
            make.execute(row)
        })
    }

    fn refused(&self, page: PageId) -> Result<(), StoreError> {
        self.store.with(|connection| {
            let mut forget = connection.prepare_cached(
                "DELETE FROM labels WHERE job = ?1 AND page = ?2 AND NOT is_made",
            )?;
            forget.execute(params![self.job, page.0])?;
            Ok(())
        })
    }

    fn ended(&self, page: PageId, failure: Option<&Cause>) -> Result<(), StoreError> {
        let failure = failure.map(ToString::to_string);
        self.store.with(|connection| {
            let mut end = connection.prepare_cached(
                "INSERT INTO pages (job, page, failure) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET failure = excluded.failure",
            )?;
            end.execute(params![self.job, page.0, failure])?;
            Ok(())
        })
    }

    fn undone(&self, page: PageId, label: &str) -> Result<(), StoreError> {
        self.store.with(|connection| {
            let mut forget = connection
                .prepare_cached("DELETE FROM labels WHERE job = ?1 AND page = ?2 AND label = ?3")?;
            forget.execute(params![self.job, page.0, label])?;
            Ok(())
        })
    }
}

impl JobJournal {
    /// Writes down something about each label of a change, all or nothing.
    fn each(
        &self,
        change: &LabelChange,
        write: impl Fn(&Connection, &str, bool) -> Result<usize, rusqlite::Error>,
    ) -> Result<(), StoreError> {
        self.store.with(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let added = change.added.iter().map(|label| (label, true));
            for (label, is_added) in added.chain(change.removed.iter().map(|label| (label, false)))
            {
                write(&transaction, label, is_added)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }
}
