//! All integration tests, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

/// As the program has it: thousands of simulations are played here too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod absurd; // numbers that nobody means
mod ai_services; // what clients of the AI services meet besides the plain way
mod allowance; // what a run may spend
mod answers; // answers that are nearly right
mod apply; // a CSV that a person has worked on
mod best_known; // how close one comes to the bound
mod bound; // what no scheduler could beat
mod cache; // what is the same to the cache
mod cancellation; // what a cancelled run leaves
mod changes; // rows of pages
mod ci_surfaces; // what continuous integration reads
mod claims; // what became of the plan's promises
mod cli; // the program as a user meets it
mod common;
mod compare; // two outputs, two programs, an output and a baseline
mod consent; // what a person at a terminal is asked first
mod conservation; // what a spoiled log is told from
mod cycles; // no file depends on itself
mod determinism; // same seed, same bytes, whatever the transport and the load
mod diagnosis; // what is odd about a run
mod exposition; // how a run stands, for Prometheus
mod fakes; // wire formats, quotas, calendar
mod first_steps; // what a newcomer tries first
mod fixed_windows; // windows that begin anew at fixed times
mod folders; // folders and files of reports
mod forecast; // what a job is said to take
mod foreign_prompts; // pages in prompts of any form
mod guide; // what the guide shows
mod hostile_numbers; // what no honest service says
mod hostile_prompt; // texts that would be another page
mod hostile_services; // services that lead elsewhere or never end
mod isolation; // failures that lie in a page, and failures that do not
mod json_schema; // what an editor is told of scenario files
mod json_schema_answers; // the forms of answers
mod known_answers; // results that can be worked out by hand
mod label_reads; // labels of a space, read once
mod latency; // how long fake services take
mod league; // all limiters in all fields
mod limiter; // driven step by step
mod limiter_algorithms; // the limiters that compete
mod limits; // what each limit costs
mod live; // over the network, in real time
mod live_status; // how a run that goes on stands

mod neighbours; // somebody else on the same quota
mod page; // the page of a report
mod page_filter; // which pages of a space are tagged
mod paired; // intervals and the sign test
mod pipeline; // against answers that no fake gives
mod plan; // the size of a batch where it is auto
mod prediction; // virtual time against real time
mod probe; // what batches cost in quality
mod properties; // what holds for every input
mod prune; // labels that go again
mod quota; // the limiter that keeps an account of the quota
mod quota_bucket_or_window; // what a window explains as well as a bucket
mod quota_must_not_learn; // what the limiter must not learn from
mod quota_posterior; // what it makes of refusals, and what it does then
mod quota_properties; // what holds for every quota and every order
mod quota_silent; // quotas that say nothing
mod quota_words; // what a quota has used, how exactly it counts, what it says
mod readme; // what the README shows
mod real_time; // `run --clock real`
mod recommended; // what the recommended profile does about quotas
mod regression_targets; // the targets that `tune` writes beside its answer
mod regressions; // what is worse than accepted, in every document
mod report; // pages made anew from saved events, and what is told of them
mod scenario_errors; // one test per bad value
mod scenario_troubles; // one test per trouble that makes no sense
mod scenarios; // the shipped scenarios
mod scripted; // a Confluence and a Gemini that answer as a test says
mod seeds; // many seeds of one scenario
mod selection; // which pages a job is about
mod serve; // on real ports
mod services; // what services really do, to `tag`
mod settings; // --set, --env-file, --mutate
mod shared_quota; // quotas that change midway, and that a neighbour uses as well
mod shipped_counts; // exact counts of the shipped scenarios, one seed each
mod site_pace; // the pace of Confluence
mod store; // answers that outlive the process
mod survey; // what `plan` says beforehand
mod tag; // `tag` as a user meets it
mod text; // what a reader sees of a page
mod tidy; // the source text itself
mod time_split; // where the time of a run went
mod tokens; // tokens by script, on either side
mod trace; // what Perfetto shows
mod transport; // at which step an exchange fails
mod troubles; // what goes wrong on purpose
mod tune; // grids of settings, and which is best
mod tune_auto; // settings that are found
mod tune_shards; // parts of a grid
mod undo; // jobs that are taken back
mod verdicts; // verdicts that stay true
mod walkers; // the Confluence fake for clients that walk, search and edit
mod whole_files; // all that is wrong with a scenario file, and with its bytes
mod wiki; // a space that keeps its labels
mod wire_confluence; // Confluence beyond what the pipeline asks for
mod wire_formats; // what other clients ask of the fakes
mod workflows; // what runs elsewhere
