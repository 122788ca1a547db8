//! The listeners of a world on real ports.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::Connections;
use super::exchange::Hosted;
use super::scaled_clock::ScaledClock;
use crate::fakes::hosts;
use crate::fakes::world::World;
use crate::sim::serve::observer::ExchangeObserver;

/// Headers that take longer than this are not waited for; idle connections end then, too.
const HEADERS_WITHIN: Duration = Duration::from_secs(75);
/// Headers longer than this are refused with a 431.
const LONGEST_HEADERS: usize = 64 * 1024;
/// How long what is being answered may take when the services stop.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait when the machine has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(20);

/// The origins of the services, such as `http://127.0.0.1:41234`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// Confluence, without its `/wiki`.
    pub confluence: String,
    /// Gemini, without a version.
    pub gemini: String,
    /// OpenAI, without its `/v1`.
    pub openai: String,
}

impl Origins {
    /// The origin of the service that stands for this host.
    pub fn of(&self, host: &str) -> Option<&str> {
        match host {
            hosts::CONFLUENCE => Some(&self.confluence),
            hosts::GEMINI => Some(&self.gemini),
            hosts::OPENAI => Some(&self.openai),
            _ => None,
        }
    }
}

/// Where the services listen; port 0 takes any that is free.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// The address.
    pub address: IpAddr,
    /// Confluence's port.
    pub confluence: u16,
    /// Gemini's port.
    pub gemini: u16,
    /// OpenAI's port.
    pub openai: u16,
}

/// A port could not be had.
#[derive(Debug, Error)]
#[error("listen at {at}: {source}")]
pub struct ListenError {
    at: SocketAddr,
    source: io::Error,
}

/// Services that answer.
#[derive(Debug)]
pub struct Services {
    origins: Origins,
    closing: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Services {
    /// Starts the services of a world, within a runtime that has I/O.
    pub async fn start(
        world: Arc<Mutex<World>>,
        pace: ScaledClock,
        audience: Arc<dyn ExchangeObserver>,
        places: Places,
    ) -> Result<Self, ListenError> {
        let open = async |port| {
            let at = SocketAddr::new(places.address, port);
            let opened = TcpListener::bind(at).await;
            opened
                .and_then(|listener| {
                    let origin = format!("http://{}", listener.local_addr()?);
                    Ok((listener, origin))
                })
                .map_err(|source| ListenError { at, source })
        };
        let (confluence, gemini, openai) = (
            open(places.confluence).await?,
            open(places.gemini).await?,
            open(places.openai).await?,
        );
        let origins = Origins { confluence: confluence.1, gemini: gemini.1, openai: openai.1 };
        world.lock().stand_at(&origins.confluence, pace.speed());
        let (closing, stop) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let connections = Arc::new(Connections::new());
        let services = [
            (confluence.0, hosts::CONFLUENCE),
            (gemini.0, hosts::GEMINI),
            (openai.0, hosts::OPENAI),
        ];
        for (listener, host) in services {
            let (world, audience) = (Arc::clone(&world), Arc::clone(&audience));
            let hosted = Arc::new(Hosted { host, world, audience, pace });
            let door = Door {
                hosted,
                connections: Arc::clone(&connections),
                closing: closing.clone(),
                stop: stop.clone(),
                tasks: tasks.clone(),
            };
            tasks.spawn(door.open(listener));
        }
        Ok(Self { origins, closing, stop, tasks })
    }

    /// Where the services stand.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Stops: nobody is let in any more, and what is being answered has a few seconds left.
    pub async fn stop(self) {
        self.closing.cancel();
        self.tasks.close();
        if timeout(LAST_ANSWERS_WITHIN, self.tasks.wait()).await.is_err() {
            self.stop.cancel();
            self.tasks.wait().await;
        }
    }
}

/// Lets clients in.
struct Door {
    hosted: Arc<Hosted>,
    connections: Arc<Connections>,
    closing: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Door {
    async fn open(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.closing.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            if let Ok((stream, _)) = accepted {
                self.welcome(stream);
            } else {
                // Out of file handles, or a client that is gone already.
                self.connections.make_room();
                tokio::time::sleep(NO_ROOM).await;
            }
        }
    }

    fn welcome(&self, stream: TcpStream) {
        // Small answers must not wait for the acknowledgement of those before.
        let _ = stream.set_nodelay(true);
        let seat = self.connections.admit();
        let (closing, stop) = (self.closing.clone(), self.stop.clone());
        let hosted = Arc::clone(&self.hosted);
        self.tasks.spawn(async move {
            let asked_to_leave = seat.asked_to_leave();
            let service = service_fn(|request| Arc::clone(&hosted).answer(request, seat.busy()));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .max_buf_size(LONGEST_HEADERS)
                .serve_connection(TokioIo::new(stream), service);
            let mut connection = pin!(connection);
            // However a connection ends, the next client is not concerned.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = asked_to_leave.cancelled() => {}
                _ = &mut connection => {}
                () = closing.cancelled() => {
                    // What is asked is still answered, and nothing more.
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        _ = connection => {}
                    }
                }
            }
        });
    }
}
