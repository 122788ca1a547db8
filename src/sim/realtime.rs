//! A run in real time: the same pipeline and the same fakes, over async HTTP on loopback, while
//! the clock goes as it does. It shows what virtual time leaves out.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Builder;

use super::SimError;
use super::loopback::Loopback;
use super::recorder::{Log, Recorder};
use super::run::Session;
use super::serve::{ExchangeObserver, Places, ScaledClock, Services};
use super::transport::Route;
use crate::fakes::observation::Observation;
use crate::fakes::world::World;
use crate::fakes::world_event::WorldEvent;
use crate::pipeline::http::HttpTransport;

impl ExchangeObserver for Recorder {
    fn arrived(&self, _now_ms: u64, _about: Option<&Observation>, records: Vec<WorldEvent>) -> u64 {
        self.add(records);
        0
    }

    fn left(&self, _now_ms: u64, _number: u64, _status: Option<u16>) {}
}

impl Session {
    /// Plays the session in real time.
    pub(super) fn play_in_real_time(self, world: Arc<Mutex<World>>) -> Result<Vec<Log>, SimError> {
        // The services have a thread of their own, so that neither side waits for the other's work.
        let services = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let services = services.map_err(SimError::SetUp)?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(SimError::SetUp)?;
        runtime.block_on(async {
            let recorder = Arc::new(Recorder::new(Arc::clone(&self.steps)));
            let pace = ScaledClock::new(recorder.epoch(), 1);
            let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let places = Places { address, confluence: 0, gemini: 0, openai: 0 };
            let audience: Arc<dyn ExchangeObserver> = Arc::<Recorder>::clone(&recorder);
            let starting =
                services.spawn(Services::start(Arc::clone(&world), pace, audience, places));
            let failed = |error: &dyn std::fmt::Display| SimError::Real(error.to_string());
            let started = starting.await.map_err(|error| failed(&error))?;
            let started = started.map_err(|error| failed(&error))?;
            let client = HttpTransport::without_proxy().map_err(|error| failed(&error))?;
            let line = Route::Real(Loopback { client, origins: started.origins().clone() });
            // This thread, and the services'.
            let watch = Arc::clone(&self.watches[0]);
            let looking = services.spawn({
                let watch = Arc::clone(&self.watches[1]);
                async move { match watch.look().await {} }
            });
            let logs = tokio::select! {
                biased;
                logs = self.play(world, line, recorder) => logs,
                never = watch.look() => match never {},
            };
            looking.abort();
            started.stop().await;
            logs
        })
    }
}
