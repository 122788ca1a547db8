//! How each kind of entry is packed: its number, and its fields in order.

use super::pack::{Packed, Unpacker};
use crate::fakes::world_event::WorldEvent;
use crate::pipeline::batch::BatchId;
use crate::pipeline::event::{CallId, Event};
use crate::pipeline::page::{PageId, Tags};
use crate::sim::recorder::entry::{Entry, What};

/// Packs and unpacks one kind of field.
macro_rules! field {
    (put $to:ident, number, $value:expr) => {
        $to.number(*$value)
    };
    (put $to:ident, small, $value:expr) => {
        $to.number(u64::from(*$value))
    };
    (put $to:ident, page, $value:expr) => {
        $to.page($value.0)
    };
    (put $to:ident, some_page, $value:expr) => {{
        $to.number(u64::from($value.is_some()));
        if let Some(page) = $value {
            $to.page(page.0);
        }
    }};
    (put $to:ident, some_id, $value:expr) => {
        $to.some($value.map(|id| id.0))
    };
    (put $to:ident, page_number, $value:expr) => {
        $to.page(*$value)
    };
    (put $to:ident, id, $value:expr) => {
        $to.number($value.0)
    };
    (put $to:ident, call, $value:expr) => {
        $to.number($value.0)
    };
    (put $to:ident, pages, $value:expr) => {{
        $to.number($value.len() as u64);
        for page in $value {
            $to.page(page.0);
        }
    }};
    (put $to:ident, some, $value:expr) => {
        $to.some(*$value)
    };
    (put $to:ident, some_small, $value:expr) => {
        $to.some($value.map(u64::from))
    };
    (put $to:ident, text, $value:expr) => {
        $to.text($value)
    };
    (put $to:ident, some_text, $value:expr) => {
        $to.some_text($value.as_deref())
    };
    (put $to:ident, word, $value:expr) => {
        $to.word($value)
    };
    (put $to:ident, tags, $value:expr) => {
        $to.tags(&$value.0)
    };
    (put $to:ident, tag_map, $value:expr) => {
        $to.tags($value)
    };
    (get $from:ident, number) => {
        $from.number()?
    };
    (get $from:ident, small) => {
        u32::try_from($from.number()?).ok()?
    };
    (get $from:ident, flag) => {
        $from.number()? != 0
    };
    (put $to:ident, flag, $value:expr) => {
        $to.number(u64::from(*$value))
    };
    (get $from:ident, page) => {
        PageId($from.page()?)
    };
    (get $from:ident, some_page) => {
        if $from.number()? == 0 { None } else { Some(PageId($from.page()?)) }
    };
    (get $from:ident, some_id) => {
        $from.some()?.0.map(BatchId)
    };
    (get $from:ident, page_number) => {
        $from.page()?
    };
    (get $from:ident, id) => {
        BatchId($from.number()?)
    };
    (get $from:ident, call) => {
        CallId($from.number()?)
    };
    (get $from:ident, pages) => {{
        let count = $from.number()?;
        (0..count).map(|_| $from.page().map(PageId)).collect::<Option<_>>()?
    }};
    (get $from:ident, some) => {
        $from.some()?.0
    };
    (get $from:ident, some_small) => {
        match $from.some()?.0 {
            Some(number) => Some(u16::try_from(number).ok()?),
            None => None,
        }
    };
    (get $from:ident, text) => {
        $from.text()?
    };
    (get $from:ident, some_text) => {
        $from.some_text()?.0
    };
    (get $from:ident, word) => {
        $from.word()?
    };
    (get $from:ident, tags) => {
        Tags($from.tags()?)
    };
    (get $from:ident, tag_map) => {
        $from.tags()?
    };
}

/// Packs and unpacks entries, from a table of all kinds.
macro_rules! kinds {
    ($($number:literal: $outer:ident::$kind:ident { $($name:ident: $how:ident),* }),* $(,)?) => {
        /// Packs an entry.
        pub(super) fn write(to: &mut Packed, entry: &Entry) {
            to.time(entry.t_ms);
            match &entry.what {
                $(kinds!(@ what $outer, $outer::$kind { $($name),* }) => {
                    to.number($number);
                    $(field!(put to, $how, $name);)*
                })*
            }
        }

        /// Unpacks an entry; nothing if these bytes are none.
        pub(super) fn read(from: &mut Unpacker<'_>) -> Option<Entry> {
            let t_ms = from.time()?;
            let what = match from.number()? {
                $($number => {
                    $(let $name = field!(get from, $how);)*
                    kinds!(@ what $outer, $outer::$kind { $($name),* })
                })*
                _ => return None,
            };
            Some(Entry { t_ms, what })
        }
    };
    (@ what Event, $($rest:tt)*) => { What::Event($($rest)*) };
    (@ what WorldEvent, $($rest:tt)*) => { What::World($($rest)*) };
}

kinds! {
    0: Event::RunStarted { task: text, limit: some },
    1: Event::PageListed { page: page, version: number, chars: number },
    2: Event::CacheHit { page: page },
    3: Event::CacheMiss { page: page },
    4: Event::BatchFormed {
        batch: id, pages: pages, place_ms: number, quota_ms: number, backoff_ms: number
    },
    5: Event::PermitGranted { batch: id, waited_ms: number, quota_ms: number, backoff_ms: number },
    6: Event::AttemptStarted {
        call: call, batch: id, provider: text, model: some_text, attempt: small, pages: number,
        in_flight: number, limit: some
    },
    7: Event::AttemptFinished {
        call: call, batch: id, provider: text, model: some_text, outcome: word, class: word,
        status: some_small, input_tokens: number, output_tokens: number, latency_ms: number,
        hint_ms: some, dropped: number
    },
    8: Event::Backoff { batch: id, provider: text, class: word, delay_ms: number, hinted: flag },
    9: Event::QuotaLearned {
        provider: text, dimension: word, limit: number, window_ms: number, kind: word,
        inferred: flag, refused_count: flag, weight_ppm: some, runner_up: word
    },
    10: Event::LimitChanged { old: number, new: number, why: word },
    11: Event::Fallback { batch: id, from: text, to: text, class: word, why: word },
    12: Event::ConfluenceCall {
        op: word, page: some_page, status: some_small, latency_ms: number, hint_ms: some,
        place_ms: number, quota_ms: number, backoff_ms: number
    },
    13: Event::LabelsWritten { page: page, added: number, removed: number },
    14: Event::LabelsUnchanged { page: page },
    15: Event::PageTagged { page: page, source: word, tags: tags },
    16: Event::PageFailed { page: page, class: word, service: text, status: some_small },
    17: Event::PageNotDone { page: page },
    18: Event::CancelRequested {},
    19: Event::RunFinished { end: word },
    20: WorldEvent::PageTruth { page: page_number, tags: tag_map },
    21: WorldEvent::Billed {
        service: word, model: text, input_tokens: number, output_tokens: number, later: flag,
        input_ms: number, output_ms: number
    },
    22: WorldEvent::QuotaRefused {
        service: word, model: some_text, quota: text, used: number, limit: number, per_s: some,
        retry_ms: number
    },
    23: WorldEvent::Neighbour { service: word, admitted: number, refused: number },
    24: WorldEvent::FaultFired { service: word, fault: text },
    25: WorldEvent::LabelsChanged { page: page_number, labels: number },
    26: WorldEvent::TaxonomyInPage { service: word },
    27: Event::Waited {
        on: word, batch: some_id, page: some_page, waited_ms: number, quota_ms: number,
        backoff_ms: number
    },
    28: Event::QuotaForgotten { provider: text, dimension: word },
}
