//! Exit codes: one table, which `--help` shows and the README repeats.

use std::fmt::Write;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Every target is met, or there is none; with `tag`, every page is done.
    Met,
    /// A bug or a fault of the machine.
    Internal,
    /// Wrong arguments or an invalid scenario.
    Usage,
    /// Something is worse than, or not the same as, what was accepted.
    Regressed,
    /// `tag`: some pages failed.
    PagesFailed,
    /// `tag`: nothing could be done.
    NothingDone,
    /// `tag`: what it may spend is spent.
    Spent,
    /// Two runs of one seed differ.
    Differs,
    /// A target is missed.
    Missed,
    /// Stopped by a signal.
    Interrupted,
}

impl ExitStatus {
    /// All of them, by their codes.
    pub const ALL: [Self; 10] = [
        Self::Met,
        Self::Internal,
        Self::Usage,
        Self::Regressed,
        Self::PagesFailed,
        Self::NothingDone,
        Self::Spent,
        Self::Differs,
        Self::Missed,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Regressed => 3,
            Self::PagesFailed => 4,
            Self::NothingDone => 5,
            Self::Spent => 6,
            Self::Differs => 98,
            Self::Missed => 99,
            Self::Interrupted => 130,
        }
    }

    /// What it means, as the README says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Met => {
                "every target is met, or there is none (`NOT JUDGED`); `tag`: every page is done"
            }
            Self::Internal => {
                "an internal error, a run that did not end within `deadline_s` (ten virtual days unless the scenario says otherwise), or output that could not be written"
            }
            Self::Usage => {
                "a wrong argument, or an invalid scenario: file, line, column, what is allowed"
            }
            Self::Regressed => {
                "a regression: `compare` or `run --baseline` found something worse, not the same, or not comparable; `league --check` or `claims --check` differ from the report that is kept"
            }
            Self::PagesFailed => "`tag`: some pages failed",
            Self::NothingDone => {
                "`tag`: nothing could be done (credentials, model, host, money, no such space)"
            }
            Self::Spent => "`tag`: `--max-calls` or `--max-cost` is reached",
            Self::Differs => {
                "two runs of one seed differ (`--check-determinism`; `tune` over HTTP), or real time differs from what was predicted (`--clock real`)"
            }
            Self::Missed => {
                "a target is missed; `report.json` says the same (99 wins over 98, and 98 over 3)"
            }
            Self::Interrupted => "Ctrl-C, SIGTERM or SIGHUP; `tag`: declined",
        }
    }

    /// The table of all codes, for `--help`.
    pub(super) fn table() -> String {
        let mut table = "Exit codes:\n".to_owned();
        for status in Self::ALL {
            let _ = writeln!(table, "  {:>3}  {}", status.code(), status.meaning());
        }
        table
    }
}
