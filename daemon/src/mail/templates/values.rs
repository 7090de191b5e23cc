//! What a wording may say: the portal's side ([`Brand`], made once), the person's and the secret's ([`Values`], one mail).

use std::sync::Arc;

use resetd_core::time::Timestamp;

use super::color::Colors;
use super::fields::clean;
use crate::config::{Logo, Portal, Tone};

/// A portal as its mails show it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Brand(pub(super) Arc<BrandParts>);

#[derive(Debug)]
pub(super) struct BrandParts {
    pub title: String,
    pub company: String,
    pub domain: String,
    pub support: String,
    pub locale: String,
    pub familiar: bool,
    pub colors: Colors,
    pub logo: Option<Logo>,
    /// What the page calls the logo (RFC 2392).
    pub logo_url: Option<String>,
}

impl Brand {
    /// From the checked configuration. `domain` (for codes bound to a site) is the host of the reset URL.
    pub fn of(portal: &Portal) -> Self {
        let host = url::Url::parse(&portal.reset_url.before).ok().and_then(|url| url.host_str().map(str::to_owned));
        Self::new(&Look {
            title: portal.title.as_str(),
            company: portal.company.as_ref().map(|name| name.as_str()),
            domain: host.as_deref().unwrap_or_else(|| portal.sender.address.domain()),
            support: portal.support_address.as_str(),
            locale: &portal.locale,
            familiar: portal.tone == Tone::Familiar,
            color: &portal.color,
            logo: portal.logo.as_ref(),
        })
    }

    /// From single values: previews and tests.
    pub fn new(look: &Look<'_>) -> Self {
        let domain = clean(look.domain);
        Self(Arc::new(BrandParts {
            logo: look.logo.cloned(),
            logo_url: look.logo.map(|_| format!("cid:logo@{domain}")),
            title: clean(look.title),
            company: clean(look.company.unwrap_or(look.title)),
            domain,
            support: clean(look.support),
            locale: look.locale.to_owned(),
            familiar: look.familiar,
            colors: Colors::of(look.color),
        }))
    }
}

impl Brand {
    /// A page of a mail with the logo in it, to be looked at without the mail.
    pub fn with_logo(&self, html: &str) -> String {
        match (&self.0.logo, &self.0.logo_url) {
            (Some(logo), Some(url)) => {
                let data = format!("data:{};base64,{}", logo.media_type, data_encoding::BASE64.encode(&logo.bytes));
                html.replace(url, &data)
            }
            _ => html.to_owned(),
        }
    }
}

/// What a [`Brand`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The site's name.
    pub title: &'a str,
    /// The company behind it; the title stands in.
    pub company: Option<&'a str>,
    /// Host of the reset page, to which a code is bound (`@host #code`).
    pub domain: &'a str,
    /// Address for questions.
    pub support: &'a str,
    /// Language where the wanted one is not there (BCP 47).
    pub locale: &'a str,
    /// Whether people are on familiar terms with it.
    pub familiar: bool,
    /// `#rrggbb`
    pub color: &'a str,
    /// The picture in place of the title.
    pub logo: Option<&'a Logo>,
}

/// The values of one mail. No `Debug`: it holds the secret.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// The portal's look.
    pub brand: &'a Brand,
    /// The person's address.
    pub email: &'a str,
    /// What the application calls the account. Shown where it reads like a login; an internal number is not.
    pub account: Option<&'a str>,
    /// The person's name. Shown where it reads like one; what looks like a link or markup is left out.
    pub name: Option<&'a str>,
    /// The link with its token, where the method has one: at most [`LINK_MAX`](super::LINK_MAX) characters.
    pub link: Option<&'a str>,
    /// The digits of the code, ungrouped, where the method has one.
    pub code: Option<&'a str>,
    /// How long the link is good, whole minutes.
    pub link_minutes: Option<u32>,
    /// How long the code is good, whole minutes.
    pub code_minutes: Option<u32>,
    /// Where an answer goes: the tagged address. With it the mail has a link that opens a ready "this wasn't me".
    pub reply_to: Option<&'a str>,
    /// What happened: notices, alerts, acknowledgements.
    pub facts: Facts<'a>,
}

impl<'a> Values<'a> {
    /// A mail without secret.
    pub fn new(brand: &'a Brand, email: &'a str) -> Self {
        Self {
            brand,
            email,
            account: None,
            name: None,
            link: None,
            code: None,
            link_minutes: None,
            code_minutes: None,
            reply_to: None,
            facts: Facts::default(),
        }
    }
}

/// What happened. Each is shown where the wording names it; the short words (`reason`, `severity`, `verdict`, `proof`,
/// `state`) are those of the API, and the strings file has the sentence for each (`reason_not_me = …`); a word without
/// a sentence is shown as it is.
#[derive(Clone, Copy, Default)]
pub struct Facts<'a> {
    /// When it happened.
    pub at: Option<Timestamp>,
    /// Whence (IP address).
    pub ip: Option<&'a str>,
    /// How many failed logins.
    pub count: Option<u32>,
    /// Why a flag was raised.
    pub reason: Option<&'a str>,
    /// `low`, `high`, `critical`.
    pub severity: Option<&'a str>,
    /// `not_me`, `was_me`, `help`, `other`.
    pub verdict: Option<&'a str>,
    /// `tag`, `reference`, `dmarc`, `none`.
    pub proof: Option<&'a str>,
    /// What the person typed, our secrets already struck out. May have several lines.
    pub words: Option<&'a str>,
    /// The flag's id.
    pub flag: Option<&'a str>,
    /// The reset's id.
    pub reset: Option<&'a str>,
    /// The reset's state *before* the answer: an acknowledgement says something else where it was `redeemed`.
    pub state: Option<&'a str>,
    /// Whether the answer killed the secret.
    pub revoked: bool,
}
