//! Gemini's batch jobs: requests that are taken at once and answered together some time later.
//!
//! A job passes through `PENDING` (a tenth of its time) and `RUNNING` to `SUCCEEDED`, or ends
//! `CANCELLED`. Its requests meet neither the quota of single calls nor their faults.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::GenerateRequest;
use super::response;
use crate::fakes::gemini::fields::either;
use crate::fakes::llm::{LlmService, Scene};

/// All jobs, by their number.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    made: u64,
    jobs: BTreeMap<u64, Job>,
}

#[derive(Debug)]
struct Job {
    model: String,
    display_name: String,
    created_ms: u64,
    ends_ms: u64,
    cancelled: bool,
    count: usize,
    /// Until they are answered.
    requests: Vec<Value>,
    responses: Option<Vec<Value>>,
}

/// Why there is no job.
pub(super) enum NotMade {
    /// The request is wrong.
    Wrong(&'static str),
    /// There are as many as may be.
    TooMany,
}

/// Jobs at a time.
const MAX_JOBS: usize = 100;
const PREFIX: &str = "rehearsal-";

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

impl Jobs {
    /// Takes a job; gives its name.
    pub(super) fn create(
        &mut self,
        now_ms: u64,
        model: &str,
        body: &Value,
        takes_ms: u64,
    ) -> Result<String, NotMade> {
        let batch = &body["batch"];
        let input = either(batch, "inputConfig", "input_config");
        let Some(requests) = input["requests"]["requests"].as_array() else {
            return Err(NotMade::Wrong(
                "batch.input_config: only inlined requests are served here",
            ));
        };
        if requests.is_empty() {
            let wrong = "batch.input_config.requests: at least one request is required";
            return Err(NotMade::Wrong(wrong));
        }
        let done = |job: &Job| now_ms >= job.ends_ms;
        if self.jobs.values().filter(|job| !done(job)).count() >= MAX_JOBS {
            return Err(NotMade::TooMany);
        }
        // What nobody deletes is kept only so long.
        if self.jobs.len() >= MAX_JOBS
            && let Some(oldest) = self.jobs.iter().find(|(_, job)| done(job)).map(|(at, _)| *at)
        {
            self.jobs.remove(&oldest);
        }
        self.made += 1;
        let display_name = either(batch, "displayName", "display_name").as_str().unwrap_or("");
        let job = Job {
            model: model.to_owned(),
            display_name: display_name.to_owned(),
            created_ms: now_ms,
            ends_ms: now_ms.saturating_add(takes_ms),
            cancelled: false,
            count: requests.len(),
            requests: requests.clone(),
            responses: None,
        };
        self.jobs.insert(self.made, job);
        Ok(format!("{PREFIX}{}", self.made))
    }

    /// The names of all jobs.
    pub(super) fn names(&self) -> Vec<String> {
        self.jobs.keys().map(|number| format!("{PREFIX}{number}")).collect()
    }

    /// Stops a job that is not done.
    pub(super) fn cancel(&mut self, now_ms: u64, name: &str) -> Option<()> {
        let job = self.jobs.get_mut(&number(name)?)?;
        if now_ms < job.ends_ms {
            job.cancelled = true;
            job.ends_ms = now_ms;
        }
        Some(())
    }

    /// Forgets a job.
    pub(super) fn delete(&mut self, name: &str) -> Option<()> {
        self.jobs.remove(&number(name)?).map(drop)
    }

    /// A job as it stands; the model writes its answers when somebody looks after its end.
    pub(super) fn operation(
        &mut self,
        now_ms: u64,
        name: &str,
        ai: &mut LlmService,
        scene: &mut Scene<'_>,
    ) -> Option<Value> {
        let job = self.jobs.get_mut(&number(name)?)?;
        let state = job.state(now_ms);
        let done = matches!(state, "BATCH_STATE_SUCCEEDED" | "BATCH_STATE_CANCELLED");
        if state == "BATCH_STATE_SUCCEEDED" && job.responses.is_none() {
            let model = &job.model;
            let requests = job.requests.iter();
            job.responses =
                Some(requests.map(|request| answered(model, request, ai, scene)).collect());
            job.requests = Vec::new();
        }
        let time = |at_ms: u64| scene.calendar.shown(at_ms).to_string();
        let failed = job.responses.iter().flatten().filter(|one| one["error"].is_object()).count();
        let count = job.count;
        let mut metadata = json!({
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "name": format!("batches/{name}"),
            "model": format!("models/{}", job.model),
            "displayName": job.display_name,
            "state": state,
            "createTime": time(job.created_ms),
            "updateTime": time(now_ms.min(job.ends_ms)),
            "batchStats": {"requestCount": count.to_string()}
        });
        if done {
            metadata["endTime"] = json!(time(job.ends_ms));
        }
        if let Some(responses) = &job.responses {
            metadata["batchStats"]["successfulRequestCount"] = json!((count - failed).to_string());
            metadata["batchStats"]["failedRequestCount"] = json!(failed.to_string());
            metadata["output"] = json!({"inlinedResponses": {"inlinedResponses": responses}});
        }
        Some(json!({"name": format!("batches/{name}"), "done": done, "metadata": metadata}))
    }
}

impl Job {
    fn state(&self, now_ms: u64) -> &'static str {
        let starts_ms = self.created_ms + (self.ends_ms - self.created_ms) / 10;
        match () {
            () if self.cancelled => "BATCH_STATE_CANCELLED",
            () if now_ms >= self.ends_ms => "BATCH_STATE_SUCCEEDED",
            () if now_ms >= starts_ms => "BATCH_STATE_RUNNING",
            () => "BATCH_STATE_PENDING",
        }
    }
}

/// One request of a job, answered.
fn answered(model: &str, written: &Value, ai: &mut LlmService, scene: &mut Scene<'_>) -> Value {
    let mut entry = json!({});
    if written["metadata"].is_object() {
        entry["metadata"] = written["metadata"].clone();
    }
    let response = GenerateRequest::of(written["request"].clone()).and_then(|asks| {
        let outcome = ai.answer_later(asks.of_model(model), scene);
        response::generated(model, &asks.shape, &outcome)
    });
    match response {
        Some(response) => entry["response"] = response,
        None => entry["error"] = json!({"code": 3, "message": "contents is not specified"}),
    }
    entry
}
