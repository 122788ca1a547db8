//! The pipeline's transport in a simulation: one atomic exchange, then its latency in virtual
//! time.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::recorder::Recorder;
use super::wire::{Wire, WireError};
use crate::fakes::world::World;
use crate::fakes::{Broken, Reply};
use crate::pipeline::transport::{Exchange, Transport, TransportError};
use crate::sim::loopback::Loopback;

/// How exchanges reach the fakes.
#[derive(Debug)]
pub(super) enum Route {
    /// Over real HTTP.
    Wire(Box<Wire>),
    /// By a call in memory.
    Direct,
    /// Over real HTTP in real time.
    Real(Loopback),
}

/// Carries requests to the world.
#[derive(Debug)]
pub(super) struct SimTransport {
    pub(super) line: Route,
    pub(super) world: Arc<Mutex<World>>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) failed: Mutex<Option<WireError>>,
    pub(super) has_failed: Notify,
}

impl SimTransport {
    /// Does the exchange, without letting any virtual time pass.
    fn exchange(&self, request: http::Request<Bytes>) -> Result<Option<Reply>, WireError> {
        let now_ms = self.recorder.now_ms();
        let reply = match &self.line {
            Route::Wire(wire) => Some(wire.exchange(now_ms, request)?),
            Route::Direct => {
                let host = request.uri().host().unwrap_or_default().to_owned();
                let mut world = self.world.lock();
                world.reply(now_ms, &host, &request)
            }
            // Its exchanges are no steps; see `send`.
            Route::Real(_) => None,
        };
        let records = self.world.lock().take_records();
        self.recorder.add(records);
        Ok(reply)
    }
}

impl Transport for SimTransport {
    fn send(&self, request: http::Request<Bytes>) -> Exchange<'_> {
        if let Route::Real(loopback) = &self.line {
            return loopback.send(request);
        }
        Box::pin(async move {
            let reply = match self.exchange(request) {
                Ok(reply) => reply,
                Err(error) => {
                    *self.failed.lock() = Some(error);
                    self.has_failed.notify_one();
                    return pending().await;
                }
            };
            let Some(Reply { response, latency_ms, broken, .. }) = reply else {
                return Err(TransportError::reset());
            };
            if broken == Some(Broken::Hang) {
                return pending().await;
            }
            sleep(Duration::from_millis(latency_ms)).await;
            match broken {
                Some(_) => Err(TransportError::reset()),
                None => Ok(response),
            }
        })
    }
}
