//! Answers in a Redis, which machines share.
//!
//! An answer is one key, `tagspace:1:` and the digest in hexadecimal digits, whose value is JSON. It goes
//! after ninety days. A Redis that cannot be reached is left alone for a while: each page would wait for it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{Client, Connection, RedisError};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::answers::AnswerStore;
use super::error::StoreError;
use crate::pipeline::cache::Key;
use crate::pipeline::page::Tags;

/// How long a connection or an answer is waited for: a look-up in one network takes a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long a Redis that has failed is left alone.
const PAUSE: Duration = Duration::from_secs(30);
/// For how long an answer is kept, in seconds.
const KEPT_S: u64 = 90 * 86_400;

/// A store of answers in a Redis.
pub struct RedisStore {
    client: Client,
    line: Mutex<RedisLink>,
}

/// The connection to a Redis.
enum RedisLink {
    Open(Box<Connection>),
    /// It has failed, and is not tried before then.
    Down(Instant),
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct SharedAnswer<'a> {
    model: Cow<'a, str>,
    tags: Cow<'a, Tags>,
}

impl fmt::Debug for RedisStore {
    /// The address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl RedisStore {
    /// The store at this address, such as `redis://localhost:6379/0`.
    ///
    /// # Errors
    ///
    /// If it cannot be reached.
    pub fn open(address: &str) -> Result<Self, StoreError> {
        let client = Client::open(address)?;
        let mut connection = connected(&client)?;
        redis::cmd("PING").query::<String>(&mut connection)?;
        Ok(Self { client, line: Mutex::new(RedisLink::Open(Box::new(connection))) })
    }

    /// Works with the connection; nothing while the Redis is left alone.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, RedisError>,
    ) -> Result<Option<T>, StoreError> {
        let mut line = self.line.lock();
        if let RedisLink::Down(until) = *line {
            if Instant::now() < until {
                return Ok(None);
            }
            match connected(&self.client) {
                Ok(connection) => *line = RedisLink::Open(Box::new(connection)),
                Err(error) => {
                    *line = RedisLink::Down(Instant::now() + PAUSE);
                    return Err(error.into());
                }
            }
        }
        let RedisLink::Open(connection) = &mut *line else { return Ok(None) };
        work(connection).map(Some).map_err(|error| {
            *line = RedisLink::Down(Instant::now() + PAUSE);
            error.into()
        })
    }
}

fn connected(client: &Client) -> Result<Connection, RedisError> {
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn name(key: &Key) -> String {
    format!("tagspace:1:{}", base16ct::lower::encode_string(key.bytes()))
}

impl RedisStore {
    /// The answer under this key, and the model that gave it.
    pub(super) fn found(&self, key: &Key) -> Result<Option<(String, Tags)>, StoreError> {
        let found =
            self.with(|line| redis::cmd("GET").arg(name(key)).query::<Option<Vec<u8>>>(line))?;
        // What makes no sense there is no answer; the page is asked about, and it is replaced.
        let value = found.flatten();
        let value = value.and_then(|value| serde_json::from_slice::<SharedAnswer<'_>>(&value).ok());
        Ok(value.map(|value| (value.model.into_owned(), value.tags.into_owned())))
    }
}

impl AnswerStore for RedisStore {
    fn answer(&self, key: &Key) -> Result<Option<Tags>, StoreError> {
        Ok(self.found(key)?.map(|(_, tags)| tags))
    }

    fn keep(&self, model: &str, answers: &[(Key, &Tags)]) -> Result<(), StoreError> {
        // One after the other: each is of use by itself, and of a Redis that hangs only the first is
        // waited for.
        for (key, tags) in answers {
            let value = SharedAnswer { model: Cow::Borrowed(model), tags: Cow::Borrowed(*tags) };
            let value = serde_json::to_vec(&value).unwrap_or_default();
            let mut set = redis::cmd("SET");
            set.arg(name(key)).arg(value).arg("EX").arg(KEPT_S);
            self.with(|line| set.query::<()>(line))?;
        }
        Ok(())
    }
}
