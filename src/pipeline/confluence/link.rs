//! Links of a listing: where to go on, below the base of the site and nowhere else.

use url::Url;

use crate::pipeline::printable::shown;

/// The context path of Confluence Cloud, which a gateway may leave out of its addresses.
const CONTEXT: &str = "/wiki";

/// Where a link leads, relative to `base`; `current` is the path that gave it.
///
/// A link is a URL reference, given from the origin on: with the context path of the site, or
/// without it, and without the prefix of a gateway before it. It must not leave the origin of
/// `base`, because the next request there carries the credentials.
pub(crate) fn follow(base: &str, current: &str, link: &str) -> Result<String, String> {
    let unreadable = || format!("the link `{}` is no address", shown(link, 80));
    let site = Url::parse(base).map_err(|_| unreadable())?;
    let at = Url::parse(&format!("{base}{current}")).map_err(|_| unreadable())?;
    let target = at.join(link).map_err(|_| unreadable())?;
    let is_plain = target.username().is_empty() && target.password().is_none();
    if !is_plain || !is_same_origin(&site, &target) {
        let host = target.host_str().unwrap_or_default();
        return Err(format!("the link leads to another origin, at `{}`", shown(host, 80)));
    }
    let path = below(site.path().trim_end_matches('/'), target.path());
    let query = target.query().map_or(String::new(), |query| format!("?{query}"));
    Ok(format!("/{}{query}", path.trim_start_matches('/')))
}

fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// A path from the origin on, as one below `base`.
fn below<'a>(base: &str, path: &'a str) -> &'a str {
    // The whole base, or the end of it that follows a gateway's prefix.
    let ends = base.match_indices('/').map(|(at, _)| &base[at..]);
    let within = |end: &str| path.strip_prefix(end).filter(|rest| rest.starts_with('/'));
    ends.chain([CONTEXT]).find_map(within).unwrap_or(path)
}
