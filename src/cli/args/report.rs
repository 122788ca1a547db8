//! Arguments of `report`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Folders that `run`, `serve` or `tag` wrote, or files of events; several are shown beside each
    /// other.
    #[arg(value_name = "DIR", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the page is written (default: report.html in the folder; for several, and for a file of
    /// events, reports/out/report.html).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show the page in the browser.
    #[arg(long)]
    pub(crate) open: bool,
    /// Where the files are that the scenario names (default: the report's folder).
    #[arg(long, value_name = "DIR")]
    pub(crate) files: Option<PathBuf>,
}
