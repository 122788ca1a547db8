//! What a call will take, in tokens and in time, told by its size and by what others took.

use crate::units::{float, whole};

/// Tokens reported for each that was counted, corrected by every answer: at once when prompts take
/// more than was thought, slowly when they take less, because to expect too little costs a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Estimator {
    factor: f64,
}

/// At first: the count is off by about a tenth, either way.
const FIRST: f64 = 1.1;
/// How much of a difference is believed when prompts take less.
const SLOWLY: f64 = 0.1;

impl Estimator {
    /// An estimator that has seen nothing.
    pub fn new() -> Self {
        Self { factor: FIRST }
    }

    /// What a provider reports for a prompt of `counted` tokens.
    pub fn tokens(&self, counted: u64) -> u64 {
        whole(libm::ceil(float(counted) * self.factor))
    }

    /// For a prompt of `counted` tokens a provider reported `tokens`.
    pub fn learn(&mut self, counted: u64, tokens: u64) {
        if counted == 0 || tokens == 0 {
            return;
        }
        let seen = float(tokens) / float(counted);
        let share = if seen > self.factor { 1.0 } else { SLOWLY };
        self.factor += share * (seen - self.factor);
    }
}

impl Default for Estimator {
    fn default() -> Self {
        Self::new()
    }
}

/// A straight line through what was seen, by least squares: a part for each call, and a part for
/// each page in it.
///
/// It starts from two made-up points, so that it says something before anything was seen, and
/// also while all calls have the same number of pages. Older points fade.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    points: f64,
    x: f64,
    xx: f64,
    y: f64,
    xy: f64,
}

/// What is left of a point's weight after the next one: half after 35.
const FADING: f64 = 0.98;
/// A point that lies higher than this many times what was expected counts as if it did not: one
/// call in the slow tail says little about the others.
const OUTLIER: f64 = 3.0;

impl Line {
    /// A line of `base` for a call, and `per_page` for each page.
    pub fn new(base: f64, per_page: f64) -> Self {
        let mut line = Self { points: 0.0, x: 0.0, xx: 0.0, y: 0.0, xy: 0.0 };
        for pages in [1.0, 10.0] {
            line.add(pages, base + per_page * pages);
        }
        line
    }

    fn add(&mut self, x: f64, y: f64) {
        self.points += 1.0;
        self.x += x;
        self.xx += x * x;
        self.y += y;
        self.xy += x * y;
    }

    /// What a call and each of its pages take; neither is ever less than nothing.
    fn fit(&self) -> (f64, f64) {
        let spread = self.points * self.xx - self.x * self.x;
        let slope =
            if spread > 1e-6 { (self.points * self.xy - self.x * self.y) / spread } else { 0.0 };
        // Through the middle of all points, whatever the slope may be.
        let (x, y) = (self.x / self.points, self.y / self.points);
        let slope = slope.clamp(0.0, y / x);
        (y - slope * x, slope)
    }

    /// What a call about `pages` pages takes.
    pub fn at(&self, pages: u64) -> u64 {
        let (base, per_page) = self.fit();
        whole(libm::ceil(base + per_page * float(pages)))
    }

    /// A call about `pages` pages took `took`.
    pub fn learn(&mut self, pages: u64, took: u64) {
        let took = float(took).min(OUTLIER * float(self.at(pages)));
        for sum in [&mut self.points, &mut self.x, &mut self.xx, &mut self.y, &mut self.xy] {
            *sum *= FADING;
        }
        self.add(float(pages), took);
    }
}

/// A call that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// The pages that it asked about.
    pub pages: u64,
    /// The tokens that they added to the prompt, as counted.
    pub counted: u64,
    /// Input tokens, if they were reported.
    pub input_tokens: u64,
    /// Output tokens, if they were reported.
    pub output_tokens: u64,
    /// How long it took.
    pub latency_ms: u64,
    /// Whether every page has an answer; else another call will ask again.
    pub is_whole: bool,
}

/// All estimates about one provider.
#[derive(Debug, Clone, Copy)]
pub struct Estimates {
    /// The tokens that every prompt begins with, as counted.
    prompt_tokens: u64,
    input: Estimator,
    output: Line,
    latency: Line,
    again: f64,
}

/// The output tokens of an answer at first: a frame, and for a page its entry with a tag or two in
/// each of four lists. Models that think add to the frame, and that is learned.
const OUTPUT_TOKENS: (f64, f64) = (20.0, 60.0);
/// The latency of a small model at first, in milliseconds: the request, and 60 tokens at 200 a second.
const LATENCY_MS: (f64, f64) = (600.0, 300.0);
/// The share of calls that have to be asked again at first, and how much of each is believed.
const AGAIN: f64 = 0.1;
const EACH: f64 = 0.05;

impl Estimates {
    /// Nothing was seen yet, but that prompts begin with `prompt_tokens` tokens, as counted.
    pub fn new(prompt_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            input: Estimator::new(),
            output: Line::new(OUTPUT_TOKENS.0, OUTPUT_TOKENS.1),
            latency: Line::new(LATENCY_MS.0, LATENCY_MS.1),
            again: AGAIN,
        }
    }

    /// The input tokens of a prompt to whose tokens the pages add `counted`.
    pub fn input_tokens(&self, counted: u64) -> u64 {
        self.input.tokens(self.prompt_tokens.saturating_add(counted))
    }

    /// The output tokens of an answer about `pages` pages.
    pub fn output_tokens(&self, pages: u64) -> u64 {
        self.output.at(pages)
    }

    /// How long a call about `pages` pages takes.
    pub fn latency_ms(&self, pages: u64) -> u64 {
        self.latency.at(pages)
    }

    /// Expected follow-up calls for pages that `calls` answers will miss, and one as a margin.
    pub fn calls_again(&self, calls: u64) -> u64 {
        whole(libm::floor(float(calls) * self.again)).saturating_add(1)
    }

    /// A call failed that was billed all the same.
    pub fn learn_input(&mut self, counted: u64, tokens: u64) {
        self.input.learn(self.prompt_tokens.saturating_add(counted), tokens);
    }

    /// A call was answered.
    pub fn learn(&mut self, call: Answered) {
        self.learn_input(call.counted, call.input_tokens);
        self.latency.learn(call.pages, call.latency_ms);
        self.again += EACH * (if call.is_whole { 0.0 } else { 1.0 } - self.again);
        if call.output_tokens > 0 {
            self.output.learn(call.pages, call.output_tokens);
        }
    }
}
