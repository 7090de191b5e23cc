//! `[portal.NAME]`: a site on whose behalf mail is sent.

pub(super) mod alert;
pub(super) mod login_failures;
mod logo;

use std::net::IpAddr;
use std::path::PathBuf;

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::PortalName;
use resetd_core::limits::Limits;
use resetd_core::reset::{Lifetimes, Method};
use resetd_core::secret::CodeLength;
use serde::Deserialize;
use toml::Spanned;

use self::alert::AlertSection;
use self::login_failures::LoginFailuresSection;
use super::report::Report;
use super::secrets::SecretFiles;
use super::types::{Portal, ResetUrl, Sender, Supersede, TaggedAddress, Tone};
use super::values::{Amount, Color, Domain, Locale, SenderText, Span, Text, Whole, WordingName, say};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct PortalSection {
    title: Option<Text<DisplayName>>,
    company: Option<Text<DisplayName>>,
    sender: Option<Text<SenderText>>,
    reset_url: Option<Text<ResetUrl>>,
    reply_to: Option<Text<TaggedAddress>>,
    bounce_to: Option<Text<TaggedAddress>>,
    support_address: Option<Text<Mailbox>>,
    locale: Text<Locale>,
    tone: Text<Tone>,
    wording: Text<WordingName>,
    method: Text<Method>,
    templates: Option<Text<PathBuf>>,
    color: Text<Color>,
    logo: Option<Text<PathBuf>>,
    link_lifetime: Span<60, 86_400>,
    code_lifetime: Span<60, 3_600>,
    lifetime_cap: Span<120, 172_800>,
    code_digits: Whole<6, 12>,
    supersede: Text<Supersede>,
    per_hour: Option<Amount>,
    acknowledge: bool,
    hello: Option<Text<Domain>>,
    source: Vec<Spanned<Text<IpAddr>>>,
    hold_bounced: Option<Span<0, 31_536_000>>,
    login_failures: LoginFailuresSection,
    alert: AlertSection,
}

impl Default for PortalSection {
    fn default() -> Self {
        Self {
            title: None,
            company: None,
            sender: None,
            reset_url: None,
            reply_to: None,
            bounce_to: None,
            support_address: None,
            locale: Text(Locale("en".to_owned())),
            tone: Text(Tone::Formal),
            wording: Text(WordingName("easy".to_owned())),
            method: Text(Method::Link),
            templates: None,
            color: Text(Color("#1a56db".to_owned())),
            logo: None,
            link_lifetime: Span::of::<1_800>(),
            code_lifetime: Span::of::<600>(),
            lifetime_cap: Span::of::<7_200>(),
            code_digits: Whole(8),
            supersede: Text(Supersede::KeepThree),
            per_hour: None,
            acknowledge: true,
            hello: None,
            source: Vec::new(),
            hold_bounced: None,
            login_failures: LoginFailuresSection::default(),
            alert: AlertSection::default(),
        }
    }
}

impl PortalSection {
    pub(super) fn check(self, name: &str, limits: &Limits, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<Portal> {
        let path = format!("portal.{name}");
        let at = |key: &str| format!("{path}.{key}");
        let name = PortalName::parse(name).map_err(|error| report.key(&path, &error.to_string())).ok();
        let lifetimes = self.check_lifetimes(&path, report);
        let per_hour = self.check_per_hour(&at("per_hour"), limits, report);
        if let Some(folder) = &self.templates
            && !folder.0.is_dir()
        {
            report.value(&at("templates"), "must be a folder");
        }

        let logo = self.logo.as_ref().and_then(|path| logo::read(&path.0).map_err(|error| report.value(&at("logo"), &error)).ok());

        let face = super::mx::face(&path, self.hello, self.source, report);

        let title = report.required(&at("title"), self.title, "the site's name as people know it");
        let sender = report.required(&at("sender"), self.sender, "the address in From:, like \"Example Shop <no-reply@shop.example>\"");
        let reset_url =
            report.required(&at("reset_url"), self.reset_url, "the page that takes the token, like https://shop.example/reset?t={token}");
        let reply_to = report.required(&at("reply_to"), self.reply_to, "where answers come in, like reply+{tag}@reply.shop.example");
        let support = report.required(&at("support_address"), self.support_address, "the address for people's questions");
        let alert = self.alert.check(&at("alert"), support.as_ref().map(|support| &support.0), secrets, report);
        let (title, reply_to, support) = (title?.0, reply_to?.0, support?.0);
        let bounce_to = self.bounce_to.map_or_else(|| reply_to.clone(), |bounce_to| bounce_to.0);

        let read_by_us = |address: &Mailbox| reply_to.leads_to(address) || bounce_to.leads_to(address);
        if read_by_us(&support) {
            report.value(&at("support_address"), "must not lead to the mailbox of reply_to or bounce_to, which resetd reads itself");
        }
        if alert.mail_to.as_ref().is_some_and(|address| *address != support && read_by_us(address)) {
            report.value(&at("alert.mail_to"), "must not lead to the mailbox of reply_to or bounce_to: alerts would come in as answers");
        }
        let SenderText { name: sender_name, address } = sender?.0;
        Some(Portal {
            name: name?,
            sender: Sender { name: sender_name.unwrap_or_else(|| title.clone()), address },
            title,
            company: self.company.map(|company| company.0),
            reply_to,
            bounce_to,
            reset_url: reset_url?.0,
            support_address: support,
            locale: self.locale.0.0,
            tone: self.tone.0,
            wording: self.wording.0.0,
            method: self.method.0,
            templates: self.templates.map(|folder| folder.0),
            color: self.color.0.0,
            logo,
            lifetimes,
            code_length: self.code_digits.code_length(),
            supersede: self.supersede.0,
            per_hour,
            login_failures: self.login_failures.check(),
            alert,
            acknowledge: self.acknowledge,
            face,
            hold_bounced: self.hold_bounced.map(|span| span.duration()),
        })
    }

    fn check_lifetimes(&self, path: &str, report: &mut Report<'_>) -> Lifetimes {
        let lifetimes =
            Lifetimes { link: self.link_lifetime.duration(), code: self.code_lifetime.duration(), cap: self.lifetime_cap.duration() };
        for (key, lifetime) in [("link_lifetime", lifetimes.link), ("code_lifetime", lifetimes.code)] {
            let cap_path = format!("{path}.lifetime_cap");
            if lifetime > lifetimes.cap && report.stands(&cap_path) {
                report.value(&cap_path, &format!("must not be shorter than {key} ({}), which it would end", say(lifetime.as_secs())));
            } else if lifetime > lifetimes.cap {
                let cap = say(lifetimes.cap.as_secs());
                report.value(&format!("{path}.{key}"), &format!("must not be longer than lifetime_cap ({cap}), which ends it"));
            }
        }
        lifetimes
    }

    fn check_per_hour(&self, path: &str, limits: &Limits, report: &mut Report<'_>) -> u32 {
        let per_hour = self.per_hour.map_or(limits.per_portal, |amount| amount.0);
        if self.per_hour.is_some() && per_hour != u32::MAX && per_hour > limits.in_all {
            report.value(path, &format!("must not be more than limits.in_all ({}), which ends it", limits.in_all));
        }
        per_hour
    }
}

impl Whole<6, 12> {
    fn code_length(self) -> CodeLength {
        u8::try_from(self.0).ok().and_then(CodeLength::new).unwrap_or_default()
    }
}

impl TaggedAddress {
    /// Whether mail to `address` comes in where the tagged address does: with any tag, or with none.
    fn leads_to(&self, address: &Mailbox) -> bool {
        let base = self.before.trim_end_matches(['+', '-', '=', '.']).to_lowercase();
        let local = address.local().to_lowercase();
        address.domain() == self.domain() && (local == base || local.starts_with(&self.before.to_lowercase()))
    }
}
