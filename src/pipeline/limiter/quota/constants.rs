//! The numbers that the limiter does not learn.
//!
//! Costs are in nats: the negative logarithm of a probability. Those without another source were tried in
//! worlds 20,001 to 20,300 of `tagspace league --random`, and are no better founded than that.

/// A minute, and a day.
pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const DAY_MS: u64 = 86_400_000;
/// The clock of a service and the way there differ from ours by up to this time.
pub(super) const MARGIN_MS: u64 = 60;
/// A stated time is foretold if it is that near.
pub(super) const FORETOLD_MS: u64 = 40;
/// What a stated time of whole seconds may be too long by.
pub(super) const ROUNDED_MS: u64 = 1_000;
/// Calls that the account remembers: a day's at one in ten seconds, a minute's at 64 in flight.
pub(super) const REMEMBERED_CALLS: usize = 8_192;
/// A call that is on its way while this number is sent after it is taken to be admitted.
pub(super) const LONGEST_TAIL: usize = 512;
/// A newcomer is weighed by this number of the latest calls.
pub(super) const WEIGHED: usize = 240;

/// Quotas of one dimension: Azure has two windows, of which each refusal names one.
pub(super) const MOST_QUOTAS: usize = 4;
/// Hypotheses that are kept for each quota.
pub(super) const KEPT: usize = 32;
/// One that is less likely than the best by this cost is dropped.
pub(super) const DROPPED: f64 = 12.0;
/// No evidence makes a hypothesis less likely than this.
pub(super) const LEAST_LIKELY: f64 = 25.0;

/// The lengths of windows, in seconds, and the cost of each: a minute is what Google, OpenAI and
/// Anthropic document, ten seconds and one Azure, the others gateways. A day is closed by its name.
pub(super) const LENGTHS_S: [(u64, f64); 20] = [
    (60, 0.0),
    (10, 1.2),
    (1, 1.6),
    (30, 2.2),
    (3_600, 2.4),
    (86_400, 2.6),
    (2, 2.8),
    (3, 2.8),
    (5, 2.8),
    (15, 2.8),
    (20, 2.8),
    (90, 2.8),
    (120, 2.8),
    (300, 2.8),
    (600, 2.8),
    (900, 2.8),
    (1_800, 2.8),
    (7_200, 2.8),
    (21_600, 2.8),
    (43_200, 2.8),
];
/// The usual lengths of a quota whose limit headers state, in milliseconds, with their costs, and the cost of
/// one that slides: OpenAI's are buckets.
pub(super) const STATED_LENGTHS: [(u64, f64); 4] =
    [(60_000, 0.0), (10_000, 1.2), (1_000, 1.6), (86_400_000, 4.0)];
pub(super) const STATED_SLIDES: f64 = 0.7;
/// Fixed windows of this number of other lengths at most are thought of at a refusal.
pub(super) const OTHER_LENGTHS: usize = 3;
/// The cost of another length of whole seconds, and of any other.
pub(super) const OTHER_SECONDS: f64 = 4.2;
pub(super) const ODD_LENGTH: f64 = 8.0;
/// The costs, on top, of a length that fits to the millisecond alone, and of a usual one that nearly fits.
pub(super) const TO_THE_MILLISECOND: f64 = 2.0;
pub(super) const NEARLY: f64 = 2.5;
/// The cost, on top, of a window of which the service says nothing.
pub(super) const SILENT: f64 = 1.0;
/// A silent window is no longer than this: nobody waits for it.
pub(super) const LONGEST_SILENT_S: u64 = 300;
/// The fewest calls of a silent window of which refused calls take a part: with fewer an outage looks like one.
pub(super) const FEWEST_SILENT: u64 = 4;
/// The first digits of round limits, in tenths, and the costs of a round and of another limit.
pub(super) const ROUND_TENTHS: [u64; 12] = [10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 80, 90];
pub(super) const ROUND_LIMIT: f64 = 2.5;
pub(super) const ODD_LIMIT: f64 = 4.5;
/// The cost of windows of which refused calls take a part: one service in six, as research found.
pub(super) const REFUSED_COUNT: f64 = 1.8;
pub(super) const REFUSED_COUNT_IN_BUCKET: f64 = 2.0;
/// The cost of windows that begin at fixed times, before their phase; the share of the phase's logarithm that
/// they pay; and the cost where more of the window was left.
pub(super) const FIXED: f64 = 0.4;
pub(super) const PHASE: f64 = 0.9;
pub(super) const UNUSED: f64 = 5.0;
/// The cost of a minute that somebody had used in part before the first call.
pub(super) const USED_BEFORE: f64 = 3.0;
/// The cost of buckets, and of those whose limit is of more than a minute.
pub(super) const BUCKET: f64 = 0.8;
pub(super) const SLOW_BUCKET: f64 = 2.3;
/// The costs of what a bucket holds at once: of tokens its limit; of requests its limit or one, a usual part of
/// it, something else that was fitted, and what was not.
pub(super) const BURST_OF_TOKENS: f64 = 0.5;
pub(super) const BURST_IS_LIMIT: f64 = 0.3;
pub(super) const BURST_IS_USUAL: f64 = 1.2;
pub(super) const BURST_IS_ODD: f64 = 5.0;
pub(super) const BURST_IS_GUESSED: f64 = 2.5;
/// The cost of a rate that is read from what came between two refusals, of which there are many to choose from;
/// the cost, on top, of a burst before; and the least time between the two.
pub(super) const DRIPS: f64 = 5.8;
pub(super) const DRIPS_AFTER_BURST: f64 = 0.7;
pub(super) const LEAST_DRIP_MS: u64 = 300;
/// The costs of a bucket that had room for the refused call, and that foretells another time than was stated.
pub(super) const BUCKET_HAS_ROOM: f64 = 6.0;
pub(super) const BUCKET_FORETELLS_ANOTHER: f64 = 8.0;
/// The cost of a share: somebody else takes the rest of what the service states.
pub(super) const SHARED: f64 = 2.0;
/// The cost of a quota that is another one since the last answer.
pub(super) const CHANGED: f64 = 7.0;
/// The cost of more of a share, of more than what was inferred, and of more than what was stated.
pub(super) const MORE_OF_SHARE: f64 = 1.5;
pub(super) const MORE: f64 = 4.0;
pub(super) const MORE_THAN_STATED: f64 = 9.0;

/// Answers after which more is tried again where it came to something.
pub(super) const SOON: u64 = 8;

/// Beta priors, as surprises and outcomes: a refusal where a window had room, or a share, or chance, and chance
/// after a refusal: it comes in spells.
pub(super) const ROOM: (f64, f64) = (0.3, 40.0);
pub(super) const SHARED_ROOM: (f64, f64) = (3.0, 40.0);
pub(super) const CHANCE: (f64, f64) = (0.5, 10.0);
pub(super) const SPELL: (f64, f64) = (0.5, 2.0);
/// An answer where none was expected.
pub(super) const FULL: (f64, f64) = (0.1, 60.0);
/// The cost of a refusal that is over within a tenth of a second.
pub(super) const SOON_REFUSED: f64 = 0.3;
/// A surprise costs this much at least, however often it has happened.
pub(super) const LEAST_SURPRISE: f64 = 1.0;
/// The costs of a stated time that was foretold to the millisecond, or to the second, and of one that
/// was not.
pub(super) const FORETOLD: f64 = -3.0;
pub(super) const ABOUT_FORETOLD: f64 = -1.5;
pub(super) const NOT_FORETOLD: f64 = 3.0;
/// The costs for chance: a refusal that states a limit, or a time alone.
pub(super) const CHANCE_STATES_LIMIT: f64 = 25.0;
pub(super) const CHANCE_STATES_TIME: f64 = 6.0;
/// The costs of chance beside a limit that headers state, a quota that is remembered, which is halved for each
/// day since, and one that is configured.
pub(super) const CHANCE_BESIDE_STATED: f64 = 4.0;
pub(super) const CHANCE_BESIDE_REMEMBERED: f64 = 6.0;
pub(super) const CHANCE_BESIDE_CONFIGURED: f64 = 12.0;
/// The cost of a limit that the service states and a hypothesis does not have.
pub(super) const OTHER_LIMIT: f64 = 12.0;

/// The price of a refused call, in calls that wait meanwhile.
pub(super) const PRICE: f64 = 1.5;
/// It grows with the square of the share of calls that were refused of late, by this factor; the latest call
/// is this part of that share.
pub(super) const DEARER: f64 = 20.0;
pub(super) const LATEST_CALL: f64 = 0.03;
/// A hypothesis of less weight has no say, and two that have room within this time have it at once.
pub(super) const NO_WEIGHT: f64 = 3e-5;
pub(super) const AT_ONCE_WITH_MS: u64 = 5;
/// Doubt of less than this is none.
pub(super) const DOUBT: f64 = 0.06;
/// A job goes on for as long as it has lasted, and for this number of calls at least.
pub(super) const FEWEST_TO_COME: u64 = 40;

/// How long a refusal takes to come back, as long as none has.
pub(super) const REFUSAL_MS: f64 = 100.0;
/// The latest refusal is this part of the mean.
pub(super) const LATEST_REFUSAL: f64 = 0.3;
/// After a call that may be the last of a quota, this multiple of that time is waited.
pub(super) const ALONE: f64 = 1.3;
/// The first calls after a wait of this length prove that it was long enough.
pub(super) const LONG_WAIT_MS: u64 = 2_000;
/// While nothing is known the call goes alone that takes more than one of these numbers of calls, or of
/// tokens: usual limits of services.
pub(super) const WALLS: [u64; 18] =
    [0, 10, 15, 20, 30, 60, 100, 120, 150, 200, 300, 500, 600, 1_000, 1_500, 2_000, 3_000, 4_000];
pub(super) const TOKEN_WALLS: [u64; 9] =
    [30_000, 60_000, 100_000, 200_000, 250_000, 500_000, 1_000_000, 2_000_000, 4_000_000];

/// A wait that no service has stated is at most this number of times the longest that one has, and a minute.
pub(super) const TIMES_TOLD: u64 = 4;
/// The n-th refusal in a row is followed by 2^n times the first, at most the second.
pub(super) const IN_VAIN_MS: (u64, u64) = (8, 20_000);
/// After this number of them in a row each adds this time to the longest.
pub(super) const IN_VAIN_LONGER: (u32, u64) = (18, 5_000);
/// After this number of them in a row the next call goes alone.
pub(super) const ALONE_AFTER: u32 = 4;
/// A gate that a used-up quota of a day has closed is tried again after this time at the earliest.
pub(super) const DAY_CLOSED_MS: u64 = 3_600_000;
/// Failures in a row that close the gate; for at first, and at most, so long, as Hystrix's breaker.
pub(super) const FAILURES: u64 = 3;
pub(super) const FAILURE_MS: (u64, u64) = (500, 5_000);
/// An error that comes sooner than this took nothing of a quota.
pub(super) const AT_ONCE_MS: u64 = 5_000;
/// A window is no longer than this, whatever a file says: eight years.
pub(super) const LONGEST_MS: u64 = 1 << 38;
/// No amount is larger than this, whatever is reported.
pub(super) const MOST_TOKENS: u64 = 1 << 40;
/// Where nothing was ever answered, more refusals in a row than this, which takes 16 s, are blamed on the
/// prompts' size.
pub(super) const ALL_IN_VAIN: u32 = 10;
/// No prompt of so few tokens is too large for a quota that nobody has stated.
pub(super) const FEW_TOKENS: u64 = 2_000;
/// An estimate of tokens may be too large by a sixteenth.
pub(super) const ESTIMATE_SHARE: u64 = 16;
