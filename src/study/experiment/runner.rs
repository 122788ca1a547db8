//! The pool that trials are played on. What comes of them is handed over in the order of the trials,
//! whatever number of threads share them.

use std::collections::BTreeMap;
use std::sync::mpsc;

use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelBridge, ParallelIterator};

/// Plays trials, several at once.
#[derive(Debug)]
pub struct TrialRunner {
    pool: ThreadPool,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("start {jobs} threads: {source}")]
pub struct PoolError {
    jobs: usize,
    source: rayon::ThreadPoolBuildError,
}

impl TrialRunner {
    /// A runner of `jobs` threads.
    pub fn new(jobs: usize) -> Result<Self, PoolError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1)).build();
        Ok(Self { pool: pool.map_err(|source| PoolError { jobs, source })? })
    }

    /// Plays `count` trials; the first error ends it early.
    pub fn each<T: Send, E: Send>(
        &self,
        count: usize,
        play: impl Fn(usize) -> Result<T, E> + Sync + Send,
    ) -> Result<Vec<T>, E> {
        self.pool.install(|| (0..count).into_par_iter().map(play).collect())
    }

    /// Plays `count` trials from the first to the last, and hands over what comes of each as soon as
    /// all before it are handed over. Once `is_stopped`, no further trial is begun.
    pub fn in_order<T: Send>(
        &self,
        count: usize,
        is_stopped: impl Fn() -> bool + Sync + Send,
        play: impl Fn(usize) -> T + Sync + Send,
        mut take: impl FnMut(T),
    ) {
        let (sender, results) = mpsc::channel();
        self.pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                let begun = (0..count).take_while(|_| !is_stopped()).par_bridge();
                begun.for_each_with(sender, |sender, index| {
                    // The other end is open until all are played.
                    let _ = sender.send((index, play(index)));
                });
            });
            let (mut waiting, mut next) = (BTreeMap::new(), 0);
            for (index, result) in results {
                waiting.insert(index, result);
                while let Some(result) = waiting.remove(&next) {
                    take(result);
                    next += 1;
                }
            }
        });
    }
}
