//! What the configuration in force comes to: settings, loaded wordings, parsed signing keys, an open way out. A reload
//! makes a whole new one or fails and leaves the old in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use resetd_core::ids::PortalName;
use resetd_core::inbound::OurWords;

use crate::authentication::{Authenticator, NoResolver};
use crate::config::Settings;
use crate::mail::dkim::{DkimError, Signers};
use crate::mail::templates::{Brand, Library, LoadError, Problem};
use crate::mail::transport::{Transport, TransportError};
use crate::webhook;

/// The settings and what was made from them.
pub struct Outfit {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The wordings.
    pub library: Library,
    /// The sentences of all wordings, for reading to know again.
    pub our_words: Arc<OurWords>,
    /// For what strangers hand to our own SMTP listener; none where there is no such listener.
    pub authenticator: Option<Arc<Authenticator>>,
    /// Each portal's look.
    pub brands: BTreeMap<PortalName, Brand>,
    /// DKIM.
    pub signers: Signers,
    /// The way out.
    pub transport: Transport,
    /// For webhooks.
    pub webhooks: webhook::Client,
    /// What is wrong without being fatal: overrides that can't be used.
    pub problems: Vec<String>,
    /// How many things are wrong with administrators' wordings.
    pub wording_problems: usize,
}

/// Problems with wordings that a status names.
const PROBLEMS_SHOWN: usize = 3;

/// What is wrong with wordings, those that are not used for it first. One mistake in what all share is found in each language.
fn said(problems: &[Problem]) -> Vec<String> {
    let (unused, used): (Vec<_>, Vec<_>) = problems.iter().partition(|problem| problem.rule.stops());
    let unused = unused.into_iter().map(|problem| format!("a wording is not used, the built-in one is: {problem}"));
    let used = used.into_iter().map(|problem| format!("a wording should be mended: {problem}"));
    let mut said: Vec<String> = unused.chain(used).take(PROBLEMS_SHOWN).collect();
    if problems.len() > PROBLEMS_SHOWN {
        said.push(format!("{} more problems of wordings: `resetctl templates check FOLDER` shows all", problems.len() - PROBLEMS_SHOWN));
    }
    said
}

/// The settings can't be put in force.
#[derive(Debug, thiserror::Error)]
pub enum OutfitError {
    /// The built-in wordings don't load: a fault of the build.
    #[error("the built-in wordings do not load: {0}")]
    Library(#[from] LoadError),
    /// A key for DKIM.
    #[error("[[sending.dkim]]: {0}")]
    Dkim(#[from] DkimError),
    /// The way out.
    #[error("[sending]: {0}")]
    Transport(#[from] TransportError),
    /// The webhook client.
    #[error("webhooks: {0}")]
    Webhook(#[from] webhook::WebhookError),
    /// DNS, which our own SMTP listener needs.
    #[error(transparent)]
    Dns(#[from] NoResolver),
    /// A portal names a wording that is not there.
    #[error("portal.{portal}: there is no wording `{wording}` for reset mails (see `resetctl templates list`)")]
    Wording {
        /// The portal.
        portal: PortalName,
        /// The wording.
        wording: String,
    },
}

impl Outfit {
    /// Loads and opens what the settings name.
    pub fn new(settings: Settings) -> Result<Self, OutfitError> {
        let overrides: Vec<_> =
            settings.portals.values().filter_map(|portal| Some((portal.name.clone(), portal.templates.clone()?))).collect();
        let (library, problems) = Library::load(&overrides)?;
        for portal in settings.portals.values() {
            for wording in [&portal.wording, &portal.login_failures.wording] {
                if !library.has_for_reset(&portal.name, wording) {
                    return Err(OutfitError::Wording { portal: portal.name.clone(), wording: wording.clone() });
                }
            }
        }
        for problem in &problems {
            tracing::warn!(event = "wording.problem", %problem);
        }
        let authenticator = match &settings.mailbox.smtp {
            Some(smtp) => Some(Arc::new(Authenticator::new(&settings.dns.servers, &smtp.hostname, &smtp.arc_sealers)?)),
            None => None,
        };
        let brands = settings.portals.values().map(|portal| (portal.name.clone(), Brand::of(portal))).collect();
        Ok(Self {
            authenticator,
            brands,
            signers: Signers::new(&settings.sending.dkim)?,
            transport: Transport::new(&settings.sending, &settings.dns)?,
            webhooks: webhook::Client::new()?,
            wording_problems: problems.len(),
            problems: said(&problems),
            our_words: Arc::new(library.our_words()),
            library,
            settings: Arc::new(settings),
        })
    }
}
