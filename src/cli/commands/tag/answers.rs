//! The store of answers that a live run uses: where it is, and what happens where it cannot be used.
//!
//! A store that was asked for must be usable, before anything is paid. The usual one serves and is
//! never in the way: what is wrong with it is said, and the run goes on without.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::environment::{has_secret, secret, variable};
use super::state;
use crate::cli::args::TagArgs;
use crate::cli::error::CliError;
use crate::cli::platform;
use crate::cli::terminal::{note, print};
use crate::pipeline::cache::Key;
use crate::pipeline::page::Tags;
use crate::pipeline::store::{AnswerStore, LayeredStore, RedisStore, SqliteStore, StoreError};

/// A store holds no more answers: about a gigabyte.
const MOST_ANSWERS: u64 = 4_000_000;

/// The store that the arguments name, or the usual one.
pub(crate) fn store(args: &TagArgs) -> Result<Option<Arc<SqliteStore>>, CliError> {
    if let Some(path) = &args.store {
        return open(path).map(|store| Some(Arc::new(store))).map_err(|why| unusable(path, &why));
    }
    let Some(path) = usual_path().filter(|_| !args.no_state) else { return Ok(None) };
    match open(&path) {
        Ok(store) => Ok(Some(Arc::new(store))),
        Err(why) => {
            note(&format!(
                "warning: {}: {why}; answers are not kept, and written labels cannot be taken back",
                path.display()
            ));
            Ok(None)
        }
    }
}

/// The answers as the pipeline has them: of the store, and of the Redis that the arguments name. With --fresh
/// neither gives one.
pub(crate) fn answers(
    store: Option<&Arc<SqliteStore>>,
    args: &TagArgs,
) -> Result<Option<Arc<dyn AnswerStore>>, CliError> {
    let own = store.map(|store| Arc::clone(store) as Arc<dyn AnswerStore>);
    let shared = args.shared_answers.as_deref().map(shared).transpose()?;
    let answers = match (own, shared) {
        (Some(own), Some(shared)) => Some(Arc::new(LayeredStore::new(own, shared)) as _),
        (None, Some(shared)) => Some(shared as _),
        (own, None) => own,
    };
    Ok(answers.map(
        |answers: Arc<dyn AnswerStore>| {
            if args.fresh { Arc::new(Unread(answers)) as _ } else { answers }
        },
    ))
}

/// The answers in a Redis, which must be there before anything is paid.
fn shared(address: &str) -> Result<Arc<RedisStore>, CliError> {
    let refused = |why: &str| CliError::Usage {
        message: format!("--shared-answers: {why}"),
        help: "expected an address such as redis://cache.example:6379/0; its password stands in \
               REDIS_PASSWORD, or in the file that REDIS_PASSWORD_FILE names"
            .to_owned(),
    };
    let url = Url::parse(address).ok();
    let Some(mut url) = url.filter(|url| url.scheme() == "redis" && url.host().is_some()) else {
        return Err(refused(
            "expected redis:// and a host, found something else (TLS is not spoken)",
        ));
    };
    if url.password().is_some() {
        return Err(refused(
            "expected no password in the address, which others can see, found one",
        ));
    }
    if has_secret("REDIS_PASSWORD") {
        let password = secret("REDIS_PASSWORD", "a password")?;
        // What has a meaning in an address is written in digits, or it would not be the password any more.
        let password = utf8_percent_encode(password.expose(), NON_ALPHANUMERIC).to_string();
        url.set_password(Some(&password)).map_err(|()| refused("it takes no password"))?;
    }
    match RedisStore::open(url.as_str()) {
        Ok(store) => Ok(Arc::new(store)),
        Err(StoreError::Redis(why)) if why.is_timeout() => {
            Err(refused("expected an answer within 2 s, found none"))
        }
        Err(StoreError::Redis(why)) => Err(refused(&why.to_string())),
        Err(why) => Err(refused(&why.to_string())),
    }
}

/// Where the store is unless something else is said.
fn usual_path() -> Option<PathBuf> {
    Some(state::folder(variable)?.join("answers.db"))
}

/// Opens the store, or makes it.
fn open(path: &Path) -> Result<SqliteStore, String> {
    if let Ok(found) = fs::metadata(path)
        && !found.is_file()
    {
        return Err("expected a file, found a folder or a device".to_owned());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::create_dir_all(folder.unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
    platform::make_private(path).map_err(|error| error.to_string())?;
    // Of two processes that begin at once, one makes the tables.
    let _lock = state::lock(folder.unwrap_or(Path::new(".")));
    SqliteStore::open(path, MOST_ANSWERS).map_err(|error| error.to_string())
}

/// The store that a command looks at, which is not made for it: nothing where the usual one is not there,
/// which is said.
pub(crate) fn existing(named: Option<&Path>) -> Result<Option<SqliteStore>, CliError> {
    let usual = || {
        usual_path().ok_or_else(|| CliError::Usage {
            message: "expected HOME or XDG_STATE_HOME, found neither".to_owned(),
            help: "name the file with --store".to_owned(),
        })
    };
    let path = named.map_or_else(usual, |path| Ok(path.to_path_buf()))?;
    if path.exists() {
        return open(&path).map(Some).map_err(|why| unusable(&path, &why));
    }
    if named.is_some() {
        return Err(unusable(&path, "there is no such file"));
    }
    print(&format!("nothing is kept in {}\n", path.display()));
    Ok(None)
}

/// The store failed while it was used.
pub(crate) fn failed(store: &SqliteStore, error: StoreError) -> CliError {
    let what = format!("use {}", store.path().display());
    CliError::Io { what, source: io::Error::other(error) }
}

/// A store that was asked for cannot be used.
fn unusable(path: &Path, why: &str) -> CliError {
    CliError::Usage {
        message: format!("--store {}: {why}", path.display()),
        help: "nothing was changed; choose another file".to_owned(),
    }
}

/// A store that keeps answers and gives none.
struct Unread(Arc<dyn AnswerStore>);

impl AnswerStore for Unread {
    fn answer(&self, _: &Key) -> Result<Option<Tags>, StoreError> {
        Ok(None)
    }

    fn keep(&self, model: &str, answers: &[(Key, &Tags)]) -> Result<(), StoreError> {
        self.0.keep(model, answers)
    }
}
