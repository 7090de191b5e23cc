//! URLs: the reset link with the place for its token, and a webhook's receiver.

use std::net::IpAddr;

use resetd_core::secret::TOKEN_CHARS;
use url::{Host, Url};

use super::text::FromText;
use crate::config::types::ResetUrl;

/// The longest link: longer ones are broken by mail clients and quoted-printable (72 characters a line, three lines).
const LINK_MAX: usize = 200;
const PLACE: &str = "{token}";

/// Whether a host name or address is this machine.
pub(in crate::config) fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

impl FromText for ResetUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        let (before, after) =
            text.split_once(PLACE).ok_or("must have the place {token} in it, like https://shop.example/reset?t={token}")?;
        if after.contains(PLACE) {
            return Err("must have {token} once".to_owned());
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
        if !before.chars().chain(after.chars()).all(allowed) {
            return Err("must hold only characters of a URL, and no other place than {token}".to_owned());
        }
        let token = "A".repeat(TOKEN_CHARS);
        let url = web_url(&format!("{before}{token}{after}"))?;
        if url[..url::Position::BeforePath].contains(&token.to_ascii_lowercase()) || url[..url::Position::BeforePath].contains(&token) {
            return Err("must have {token} behind the host, in the path, the query or the fragment".to_owned());
        }
        let length = before.len() + TOKEN_CHARS + after.len();
        if length > LINK_MAX {
            return Err(format!("must give a link of at most {LINK_MAX} characters, gives {length}"));
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }
}

/// Where a webhook goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct WebhookUrl(pub(in crate::config) String);

impl FromText for WebhookUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        let url = web_url(text)?;
        if url.fragment().is_some() {
            return Err("must have no fragment (#…)".to_owned());
        }
        Ok(Self(url.into()))
    }
}

/// `https`, or `http` to this machine; no user or password in it.
fn web_url(text: &str) -> Result<Url, String> {
    // `Url` would mend `https:x` and `https:///x`; what goes into a mail is the text as it stands.
    let authority = text.split_once("://").map(|(_, rest)| rest).filter(|rest| !rest.starts_with(['/', '\\']));
    authority.ok_or("must be a whole URL, like https://shop.example/…")?;
    let url = Url::parse(text).map_err(|error| format!("must be a URL: {error}"))?;
    let host = url.host().map(|host| match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    });
    let host = host.filter(|host| !host.is_empty()).ok_or("must be https and name a host")?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&host) => {}
        _ => return Err("must be https (http only to loopback)".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user and no password".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_https_with_one_place_behind_the_host() {
        for good in [
            "https://shop.example/r/{token}",
            "https://shop.example/reset?t={token}&from=mail",
            "https://shop.example/#/reset/{token}",
            "http://localhost:8080/r/{token}",
            "http://127.3.2.1/r/{token}",
            "http://[::1]:9/r/{token}",
        ] {
            assert!(ResetUrl::from_text(good).is_ok(), "{good}");
        }
        for bad in [
            "http://shop.example/r/{token}",
            "http://localhost.shop.example/r/{token}",
            "http://127.0.0.1.shop.example/r/{token}",
            "https://shop.example/r/",
            "https://shop.example/{token}/{token}",
            "https://{token}.shop.example/",
            "https://{token}@shop.example/",
            "https://u:p@shop.example/{token}",
            "https://shop.example:{token}/",
            "https://{token}",
            "https:///{token}",
            "https:///shop.example/{token}",
            "https:shop.example/{token}",
            "ftp://shop.example/{token}",
            "javascript:alert({token})",
            "/r/{token}",
            "{token}",
            "https://shop.example/{email}/{token}",
            "https://shop.example/a b/{token}",
            "https://shop.example/\r\nBcc:/{token}",
            "https://shop.example/\"><script>/{token}",
            "https://bücher.example/{token}",
        ] {
            assert!(ResetUrl::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_fit_on_their_line() {
        let url = |path: usize| format!("https://shop.example/{}?t={{token}}", "p".repeat(path));
        let room = 200 - "https://shop.example/?t=".len() - TOKEN_CHARS;
        let fits = ResetUrl::from_text(&url(room)).unwrap();
        assert_eq!(fits.with(&"x".repeat(TOKEN_CHARS)).len(), 200);
        assert_eq!(ResetUrl::from_text(&url(room + 1)).unwrap_err(), "must give a link of at most 200 characters, gives 201");
    }
}
