//! The site: its state, its users and their limits.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::edit::Edits;
use super::label::Labels;
use super::nulls::NullsConfig;
use super::route::{OPERATIONS, identity, operation_of, page_in, within_site};
use crate::fakes::calendar::Calendar;
use crate::fakes::confluence::rate_limit::RateLimit;
use crate::fakes::content::space::{Space, SpacePage};
use crate::fakes::fault::{Call, Fault, FaultRule, Kind};
use crate::fakes::latency::{Latency, LatencyFile, Load};
use crate::fakes::llm::model::Matcher;
use crate::fakes::observation::{Given, Labelled, Observation, Operation, Site};
use crate::fakes::query::Query;
use crate::fakes::quota::{Window, WindowKind};
use crate::fakes::spell::{SpellConfig, SpellForms, one_or_many};
use crate::fakes::trouble::Troubles;
use crate::fakes::world_event::{Service, WorldEvent};
use crate::fakes::{Broken, Reply, hosts};
use crate::rng::Seed;

/// The `[confluence]` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfluenceConfig {
    /// How long a call takes (default: 180 ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyFile>,
    /// How many requests it takes (default: any number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// The API tokens that it takes (default: any).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<String>>,
    /// Whether nobody may change labels.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forbidden_labels: bool,
    /// What lists leave out (default: nothing).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nulls: Option<NullsConfig>,
    /// Faults, of which the first that matches strikes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<FaultRule>,
    /// Bad times that come again and again, one kind or several. A request that a fault strikes is not
    /// struck by a spell as well; of several spells the first that strikes decides.
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "SpellForms")]
    pub spell: Vec<SpellConfig>,
}

/// The largest body that it takes.
pub(crate) const BODY_LIMIT: usize = 5_242_880;

/// The state of the site.
#[derive(Debug)]
pub struct Confluence {
    pub(super) config: ConfluenceConfig,
    pub(super) latency: Latency,
    troubles: Troubles,
    pub(super) window: Option<Window>,
    pub(super) labels: BTreeMap<u64, Labels>,
    pub(super) names: super::label::Names,
    /// The pages of labels that were asked for, by the label's id, until any label changes.
    pub(super) labelled: BTreeMap<String, Vec<u64>>,
    pub(super) edits: Edits,
    pub(super) seed: Seed,
    calls: u64,
    /// How often each operation was asked for, by what it is about.
    asked: BTreeMap<u64, [u32; OPERATIONS]>,
    matcher: Option<Matcher>,
    truth_chars: usize,
    /// Where links lead.
    pub(super) base: String,
    /// The same, as long as a client does not say where it found the site.
    own_base: String,
    /// How many times as fast as its clients this world runs.
    pub(super) speed: u64,
    /// Whether it stands on a real port.
    is_on_port: bool,
    /// Whether somebody looks at what requests are about.
    is_watched: bool,
}

/// What it says to a larger one.
pub(crate) fn too_large() -> Reply {
    super::body::error_v1(
        413,
        "RequestTooLargeException: Requests for this resource can be at most 5242880 bytes",
    )
}

/// How a client names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A user with an API token.
    Basic,
    /// A token of OAuth.
    Bearer,
}

/// One request on its way through the site.
pub(super) struct Visit<'a> {
    pub(super) request: &'a Request<Bytes>,
    pub(super) parts: Vec<&'a str>,
    pub(super) path: &'a str,
    pub(super) query: &'a Query<'a>,
    pub(super) space: &'a Space,
    pub(super) scheme: Scheme,
    records: &'a mut Vec<WorldEvent>,
    site: Site,
}

impl Confluence {
    /// A site that nobody has called yet. Tags are true if `matcher` finds them.
    pub fn new(
        config: ConfluenceConfig,
        latency: Latency,
        matcher: Option<Matcher>,
        seed: Seed,
    ) -> Self {
        let window = config.rate_limit.as_ref().map(|limit| {
            let requests = limit.requests.get();
            Window::new(WindowKind::Sliding, requests, requests, limit.per_s.get() * 1000)
        });
        Self {
            troubles: Troubles::new(&config.fault, &config.spell, seed, "confluence"),
            config,
            latency,
            window,
            labels: BTreeMap::new(),
            names: super::label::Names::default(),
            labelled: BTreeMap::new(),
            edits: Edits::default(),
            seed,
            calls: 0,
            asked: BTreeMap::new(),
            matcher,
            truth_chars: usize::MAX,
            base: format!("https://{}/wiki", hosts::CONFLUENCE),
            own_base: format!("https://{}/wiki", hosts::CONFLUENCE),
            speed: 1,
            is_on_port: false,
            is_watched: false,
        }
    }

    /// True tags are those found in this many characters of a page's text.
    pub fn set_truth_chars(&mut self, chars: usize) {
        self.truth_chars = chars;
    }

    /// Tells what requests are about.
    pub fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Stands at this origin, and runs this many times as fast as its clients.
    pub fn stand_at(&mut self, origin: &str, speed: u64) {
        self.base = format!("{origin}/wiki");
        self.own_base.clone_from(&self.base);
        self.is_on_port = true;
        self.speed = speed.max(1);
    }

    /// The labels of a page.
    pub fn labels(&self, page: u64) -> impl Iterator<Item = &str> {
        self.labels.get(&page).into_iter().flat_map(Labels::names)
    }

    /// Answers a request.
    pub fn reply(
        &mut self,
        now_ms: u64,
        request: &Request<Bytes>,
        (space, calendar): (&Space, &Calendar),
        records: &mut Vec<WorldEvent>,
    ) -> Reply {
        let path = within_site(request.uri().path()).strip_prefix("/wiki").unwrap_or_default();
        if self.is_on_port {
            self.follow_host(request);
        }
        let query = Query::new(request.uri().query().unwrap_or(""));
        let identity = identity(path, &query);
        let operation = operation_of(request, path);
        // What the site does not have is not counted one by one.
        let counted = if operation == Operation::Other { 0 } else { identity };
        let counts = self.asked.entry(counted).or_default();
        let count = &mut counts[operation as usize % OPERATIONS];
        let attempt = u64::from(*count);
        *count = count.saturating_add(1);
        let page = page_in(path);
        let (before, pages) = (self.calls, page.as_slice());
        let call = Call { now_ms, before, identity, attempt, pages, operation: Some(operation) };
        self.calls += 1;

        let fired = |fault| WorldEvent::FaultFired { service: Service::Confluence, fault };
        let mut site = Site { operation, given: Vec::new(), labelled: None, hint_ms: None };
        let (struck, slow) = match self.troubles.strike(call) {
            Some((name, Fault::Slow(slowness))) => (None, Some((name, slowness))),
            struck => (struck, None),
        };
        let reply = match struck {
            Some((name, fault)) => {
                records.push(fired(name));
                self.faulty(fault).after(self.latency.refusal_ms())
            }
            None => match self.admitted(now_ms, request, calendar, records) {
                Err(refusal) => *refusal,
                Ok(scheme) => {
                    let parts = path.split('/').skip(1).collect();
                    let mut visit =
                        Visit { request, parts, path, query: &query, space, scheme, records, site };
                    let reply = self.route(&mut visit);
                    site = visit.site;
                    let stream = format!("confluence {}", request.method());
                    let (slow, slowness) = slow.unzip();
                    visit.records.extend(slow.map(fired));
                    let load = Load { slowness: slowness.unwrap_or_default(), ..Load::default() };
                    let latency_ms = self.latency.draw(self.seed, &stream, identity, attempt, load);
                    self.with_limit(reply, now_ms, calendar).after(latency_ms)
                }
            },
        };
        let trace = format!("{:016x}", self.calls);
        let told =
            reply.response.headers().get("retry-after").and_then(|s| s.to_str().ok()?.parse().ok());
        site.hint_ms =
            told.map(|seconds: u64| seconds.saturating_mul(1000).saturating_mul(self.speed));
        let reply = if self.is_watched { reply.on(Observation::Site(site)) } else { reply };
        reply
            .with_header("atl-traceid", &trace)
            .with_header("atl-request-id", &trace)
            .with_header("server", "AtlassianEdge")
    }

    /// Links lead to where the client found the site.
    fn follow_host(&mut self, request: &Request<Bytes>) {
        let host = request.headers().get("host").and_then(|host| host.to_str().ok());
        let host = host.filter(|host| host.parse::<http::uri::Authority>().is_ok());
        self.base = match host {
            Some(host) => format!("http://{host}/wiki"),
            None => self.own_base.clone(),
        };
    }

    /// Lets in a client with credentials that is within the limit.
    fn admitted(
        &mut self,
        now_ms: u64,
        request: &Request<Bytes>,
        calendar: &Calendar,
        records: &mut Vec<WorldEvent>,
    ) -> Result<Scheme, Box<Reply>> {
        let scheme = self.authorized(request)?;
        self.limited(now_ms, calendar, records).map_or(Ok(scheme), |refusal| Err(Box::new(refusal)))
    }

    fn authorized(&self, request: &Request<Bytes>) -> Result<Scheme, Box<Reply>> {
        let refused = |body: &'static str| Reply::text(401, "text/plain", body);
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let Some((scheme, credentials)) = header.and_then(|header| header.split_once(' ')) else {
            return Err(Box::new(refused("Basic authentication is required.")));
        };
        let takes = |token: &str| {
            let known = self.config.tokens.as_ref();
            !token.is_empty() && known.is_none_or(|known| known.iter().any(|one| one == token))
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            if takes(credentials.trim()) {
                return Ok(Scheme::Bearer);
            }
            let body = json!({"code": 401, "message": "Unauthorized; scope does not match"});
            return Err(Box::new(Reply::json(401, &body)));
        }
        let decoded =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, credentials.trim());
        let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|pair| pair.split_once(':')) {
            Some((_, token)) if takes(token) => Ok(Scheme::Basic),
            _ => {
                let refusal = refused("Basic authentication with passwords is deprecated.");
                Err(Box::new(refusal.with_header("x-seraph-loginreason", "AUTHENTICATED_FAILED")))
            }
        }
    }

    /// The ids of the pages of the space, or of those with the title that is asked for.
    pub(super) fn titled(&self, query: &Query<'_>, space: &Space) -> Vec<u64> {
        let title = query.one("title");
        let has_it = |id: &u64| {
            title.is_none_or(|title| {
                self.edits.page(*id, space).is_some_and(|page| page.title == title)
            })
        };
        space.ids().filter(has_it).collect()
    }

    fn route(&mut self, visit: &mut Visit<'_>) -> Reply {
        match visit.parts.as_slice() {
            ["api", "v2", ..] => self.v2(visit),
            ["rest", "api", ..] => self.v1(visit),
            _ => super::body::not_found_v2(),
        }
    }

    /// A page that is given out, with its true tags written down.
    pub(super) fn give(&self, page: &SpacePage, visit: &mut Visit<'_>) {
        if self.is_watched {
            let chars = page.text.chars().count() as u64;
            visit.site.given.push(Given { page: page.id, version: page.version, chars });
        }
        visit.records.push(self.truth(page));
    }

    fn truth(&self, page: &SpacePage) -> WorldEvent {
        let all = page.text.len();
        let cut = match self.truth_chars {
            // It has no more characters than bytes.
            chars if chars >= all => all,
            chars => page.text.char_indices().nth(chars).map_or(all, |(at, _)| at),
        };
        let seen = format!("{}\n{}\n", page.title, &page.text[..cut]);
        let tags = self.matcher.as_ref().map(|matcher| matcher.tags(&seen)).unwrap_or_default();
        WorldEvent::PageTruth { page: page.id, tags }
    }

    /// The labels of a page have changed.
    pub(super) fn relabelled(
        &mut self,
        page: u64,
        added: u64,
        removed: u64,
        visit: &mut Visit<'_>,
    ) {
        self.labelled.clear();
        let labels = self.labels(page).count() as u64;
        visit.records.push(WorldEvent::LabelsChanged { page, labels });
        if self.is_watched {
            let labels = self.labels(page).map(str::to_owned).collect();
            visit.site.labelled = Some(Labelled { page, added, removed, labels });
        }
    }

    fn faulty(&self, fault: Fault) -> Reply {
        match fault {
            Fault::Kind(Kind::Reset) => Reply::broken(Broken::Reset),
            Fault::Kind(Kind::Timeout) => Reply::broken(Broken::Hang),
            Fault::Kind(_) | Fault::Slow(_) => {
                Reply::text(200, "application/json", "{\"results\": [{")
            }
            Fault::Status(status, retry_after_s) => {
                let body = json!({"message": "The service cannot answer", "statusCode": status});
                let reply = match status {
                    409 => super::body::error_v1(
                        409,
                        "ConflictException: The content was changed meanwhile",
                    ),
                    429 => crate::fakes::confluence::rate_limit::too_many(),
                    _ => Reply::json(status, &body),
                };
                let retry_after_s = retry_after_s.map(|seconds| seconds.div_ceil(self.speed));
                reply.with_retry_after(retry_after_s)
            }
        }
    }
}

/// The page of this id, if the space has it.
pub(super) fn existing(id: &str, space: &Space) -> Option<u64> {
    id.parse().ok().filter(|id| space.ids().contains(id))
}
