//! Where a site is, and with which credentials it is asked.

use crate::pipeline::provider::Secret;

/// A Confluence site and its client.
///
/// ```
/// use tagspace::{Secret, Site};
///
/// let cloud = Site::new("https://acme.atlassian.net/wiki", Secret::new("token")).user("me@acme.com");
/// let data_center = Site::new("https://wiki.acme.com", Secret::new("personal access token"));
/// assert!(cloud.user.is_some() && data_center.user.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Site {
    /// The origin with the context path, such as `https://acme.atlassian.net/wiki`.
    pub base: String,
    /// The account's e-mail address, which goes with an API token as Basic credentials. Without it
    /// the token stands alone, as `Bearer`: a personal access token of Data Center, or one of OAuth.
    pub user: Option<String>,
    /// Its token.
    pub token: Secret,
}

impl Site {
    /// A site, such as `https://acme.atlassian.net/wiki`, whose token is sent as `Bearer`.
    pub fn new(base: impl Into<String>, token: Secret) -> Self {
        Self { base: base.into(), user: None, token }
    }

    /// Sends the token with this account's e-mail address, as Basic credentials.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }
}
