//! The body of a stream: its pieces come one after the other, evenly over its latency.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::Busy;
use crate::sim::serve::open_exchange::OpenExchange;

/// What is still to be sent of a stream.
pub(super) struct StreamBody {
    body: Bytes,
    /// Where each piece ends, and when it is due.
    ends: std::vec::IntoIter<(usize, Instant)>,
    sent: usize,
    /// Until the next piece is due.
    wait: Pin<Box<Sleep>>,
    due: Option<usize>,
    open: OpenExchange,
    _busy: Busy,
}

impl StreamBody {
    /// A body with the ends of its pieces and their times, the first of which is now.
    pub(super) fn new(
        body: Bytes,
        ends: Vec<(usize, Instant)>,
        open: OpenExchange,
        busy: Busy,
    ) -> Self {
        let wait = Box::pin(sleep_until(Instant::now()));
        Self { body, ends: ends.into_iter(), sent: 0, wait, due: None, open, _busy: busy }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.due.is_none() {
            let Some((end, at)) = self.ends.next() else { return Poll::Ready(None) };
            self.due = Some(end);
            self.wait.as_mut().reset(at);
        }
        ready!(self.wait.as_mut().poll(context));
        let end = self.due.take().unwrap_or(self.body.len());
        let piece = self.body.slice(self.sent..end);
        self.sent = end;
        if self.ends.len() == 0 {
            // Whoever hangs up before this has not got its answer.
            self.open.sent();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
