//! The clients that are connected: when there is no room for more, the connection that was idle the
//! longest has to go.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// File handles that other things need.
const OTHER_HANDLES: u64 = 100;
/// The most connections, where the machine has no limit.
const MAX_CONNECTIONS: u64 = 20_000;

/// All connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    taken: usize,
    next: u64,
    /// The idle ones, in the order in which they became so.
    idle: BTreeMap<u64, CancellationToken>,
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    connections: Arc<Connections>,
    leave: CancellationToken,
    idle_as: Arc<Mutex<Option<u64>>>,
}

/// A connection with something to do; it is idle again when this is dropped.
pub(super) struct Busy {
    connections: Arc<Connections>,
    leave: CancellationToken,
    idle_as: Arc<Mutex<Option<u64>>>,
}

impl Connections {
    /// Room for as many as the process may have open.
    pub(super) fn new() -> Self {
        let most = handles().saturating_sub(OTHER_HANDLES).clamp(64, MAX_CONNECTIONS);
        Self { most: usize::try_from(most).unwrap_or(64), seats: Mutex::default() }
    }

    /// Takes in a connection.
    pub(super) fn admit(self: &Arc<Self>) -> Seat {
        let full = {
            let mut seats = self.seats.lock();
            seats.taken += 1;
            seats.taken > self.most
        };
        if full {
            self.make_room();
        }
        let leave = CancellationToken::new();
        let idle_as = Arc::new(Mutex::new(Some(self.idle(&leave))));
        Seat { connections: Arc::clone(self), leave, idle_as }
    }

    /// Asks the connection to leave that has been idle the longest.
    pub(super) fn make_room(&self) {
        let longest = self.seats.lock().idle.pop_first();
        if let Some((_, leave)) = longest {
            leave.cancel();
        }
    }

    fn idle(&self, leave: &CancellationToken) -> u64 {
        let mut seats = self.seats.lock();
        seats.next += 1;
        let number = seats.next;
        seats.idle.insert(number, leave.clone());
        number
    }

    fn no_longer_idle(&self, idle_as: &Mutex<Option<u64>>) {
        let number = idle_as.lock().take();
        if let Some(number) = number {
            self.seats.lock().idle.remove(&number);
        }
    }
}

impl Seat {
    /// Is cancelled when the connection has to go.
    pub(super) fn asked_to_leave(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// The connection has something to do.
    pub(super) fn busy(&self) -> Busy {
        self.connections.no_longer_idle(&self.idle_as);
        Busy {
            connections: Arc::clone(&self.connections),
            leave: self.leave.clone(),
            idle_as: Arc::clone(&self.idle_as),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.no_longer_idle(&self.idle_as);
        self.connections.seats.lock().taken -= 1;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let number = self.connections.idle(&self.leave);
        *self.idle_as.lock() = Some(number);
    }
}

/// How many file handles this process may have, after asking for as many as it is allowed.
#[cfg(unix)]
fn handles() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused or not, what holds afterwards counts.
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many file handles this process may have: this system states no number.
#[cfg(not(unix))]
fn handles() -> u64 {
    u64::MAX
}
