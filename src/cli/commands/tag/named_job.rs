//! A job that a person names.

use crate::cli::error::CliError;
use crate::pipeline::store::JobRecord;
use crate::sim::scenario::diagnostic::did_you_mean;

/// The job of this name.
pub(crate) fn named<'a>(name: &str, jobs: &'a [JobRecord]) -> Result<&'a JobRecord, CliError> {
    jobs.iter().find(|job| job.name == name).ok_or_else(|| {
        let near = did_you_mean(name, jobs.iter().map(|job| job.name.as_str()));
        let near = near.map_or(String::new(), |near| format!("{near} "));
        CliError::Usage {
            message: format!("expected a job that wrote labels, found `{name}`"),
            help: format!("{near}`tagspace undo` lists them"),
        }
    })
}

/// Refuses a job of another site than this one.
pub(crate) fn check_site(job: &JobRecord, site: &str) -> Result<(), CliError> {
    if job.site == site {
        return Ok(());
    }
    Err(CliError::Usage {
        message: format!("expected the site of {}, {}, found another", job.name, job.site),
        help: "set CONFLUENCE_URL to it".to_owned(),
    })
}
