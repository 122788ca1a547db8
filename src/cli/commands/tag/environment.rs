//! What `tag` takes from the environment. No value is ever shown: whatever a variable holds may be a
//! credential that was put there by mistake.

use std::env::VarError;
use std::fs::File;
use std::io;
use std::io::Read as _;

use url::Url;

use crate::cli::error::CliError;
use crate::cli::platform;
use crate::pipeline::Site;
use crate::pipeline::config::PREFIX;
use crate::pipeline::http::is_of_this_machine;
use crate::pipeline::provider::Secret;
use crate::sim::scenario::env_file;

/// A credential is shorter.
const MOST_BYTES: u64 = 65_536;
const FILES: &str =
    "a variable that ends with _FILE names a file with one credential, of mode 600 (chmod 600)";
const SITE: &str = "https://acme.atlassian.net/wiki";

/// The value of a variable, without white space around it; an empty one counts as none.
pub(crate) fn variable(name: &str) -> Option<String> {
    value(name).ok().flatten()
}

#[expect(clippy::disallowed_methods, reason = "live use is configured by the environment")]
fn value(name: &str) -> Result<Option<String>, CliError> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            Err(usage(format!("{name} is no text"), "it holds bytes that are not UTF-8"))
        }
    }
}

/// Refuses a variable of the environment that looks like a setting and is none.
#[expect(clippy::disallowed_methods, reason = "live use is configured by the environment")]
pub(crate) fn check_variables() -> Result<(), CliError> {
    let mut names: Vec<String> =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    names.sort();
    for name in names.iter().filter(|name| name.starts_with(PREFIX)) {
        env_file::known(name).map_err(|(message, help)| CliError::Usage { message, help })?;
        value(name)?;
    }
    Ok(())
}

/// The value of a variable that has to be set.
fn required(name: &str, example: &str) -> Result<String, CliError> {
    let help = "live use needs CONFLUENCE_URL, CONFLUENCE_API_TOKEN and GEMINI_API_KEY; with \
                CONFLUENCE_USER the token is sent as Basic, without it as Bearer; OPENAI_API_KEY \
                is the fallback's; each may be in a file that its _FILE variable names";
    value(name)?.ok_or_else(|| usage(format!("{name} is not set: expected {example}"), help))
}

/// The variable that names the file of a credential, instead of the variable that holds it.
fn file_variable(name: &str) -> String {
    format!("{name}_FILE")
}

/// Whether a credential is there, in its variable or in a file.
pub(crate) fn has_secret(name: &str) -> bool {
    variable(name).is_some() || variable(&file_variable(name)).is_some()
}

/// The credential in a variable or in the file that one names, which goes into a header of every request.
pub(crate) fn secret(name: &str, example: &str) -> Result<Secret, CliError> {
    let by_file = file_variable(name);
    let value = match value(&by_file)? {
        None => required(name, example)?,
        Some(_) if value(name)?.is_some() => {
            let message = format!("expected {name} or {by_file}, found both");
            return Err(usage(message, "unset the one that is not meant"));
        }
        Some(path) => from_file(&by_file, &path)?,
    };
    match value.chars().position(|c| !c.is_ascii_graphic()) {
        None => Ok(Secret::new(value)),
        Some(at) => Err(usage(
            format!("character {} of {name} belongs to no credential", at + 1),
            "spaces, line breaks and letters outside ASCII are often pasted along",
        )),
    }
}

/// The credential that a file holds. No path is shown: the credential itself may have been put there.
fn from_file(name: &str, path: &str) -> Result<String, CliError> {
    let unread =
        |error: io::Error| usage(format!("{name}: its file cannot be read: {error}"), FILES);
    let mut file = File::open(path).map_err(unread)?;
    if !platform::is_private(&file.metadata().map_err(unread)?) {
        return Err(usage(format!("{name}: expected a file that only you may read"), FILES));
    }
    let mut text = String::new();
    let size = file.by_ref().take(MOST_BYTES).read_to_string(&mut text).map_err(unread)?;
    match text.trim() {
        "" => Err(usage(format!("{name}: expected a credential, found an empty file"), FILES)),
        _ if size as u64 == MOST_BYTES => {
            Err(usage(format!("{name}: expected a credential, found a large file"), FILES))
        }
        text => Ok(text.to_owned()),
    }
}

/// The name of an account, which stands before a colon in a header, if there is one.
fn user(name: &str) -> Result<Option<String>, CliError> {
    let Some(value) = value(name)? else { return Ok(None) };
    match value.chars().position(|c| c.is_control() || c == ':') {
        None => Ok(Some(value)),
        Some(at) => Err(usage(
            format!("character {} of {name} belongs to no name of an account", at + 1),
            "expected neither a colon nor a control character",
        )),
    }
}

/// The site with the credentials for it.
pub(crate) fn site(allows_http: bool) -> Result<Site, CliError> {
    let base = required("CONFLUENCE_URL", SITE)?;
    Ok(Site {
        base: address("CONFLUENCE_URL", &base, SITE, allows_http)?,
        user: user("CONFLUENCE_USER")?,
        token: secret("CONFLUENCE_API_TOKEN", "an API token")?,
    })
}

/// The address that a variable holds, without the slash at its end.
pub(crate) fn address(
    name: &str,
    value: &str,
    example: &str,
    allows_http: bool,
) -> Result<String, CliError> {
    let refuse = |what: &str| {
        let help = format!(
            "expected http or https, a host and perhaps a path, such as {example}; credentials \
             have variables of their own"
        );
        Err(usage(format!("{name} {what}"), &help))
    };
    let Ok(url) = Url::parse(value) else { return refuse("is no address") };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("is no address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("holds credentials");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or a fragment");
    }
    if url.scheme() == "http" && !allows_http && !is_of_this_machine(&url) {
        return Err(usage(
            format!("{name} is a plain http address of another machine"),
            "credentials would be sent for anybody on the way to read: expected https, or --allow-http",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn usage(message: String, help: &str) -> CliError {
    CliError::Usage { message, help: help.to_owned() }
}
