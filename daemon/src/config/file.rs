//! The whole file: its sections, and what only shows when they are seen together.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::clients::{self, ClientSection};
use super::environment::Environment;
use super::limits::LimitsSection;
use super::mailbox::MailboxSection;
use super::portal::PortalSection;
use super::report::Report;
use super::secrets::SecretFiles;
use super::sending::SendingSection;
use super::server::ServerSection;
use super::smtp::DnsSection;
use super::store::StoreSection;
use super::types::{LmtpListen, Portal, Settings, TransportSettings, Who};

/// Every section, as read.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    server: ServerSection,
    store: StoreSection,
    client: Vec<Spanned<ClientSection>>,
    limits: LimitsSection,
    portal: BTreeMap<String, PortalSection>,
    sending: SendingSection,
    mailbox: MailboxSection,
    dns: DnsSection,
}

impl File {
    /// The settings, or nothing where the report says why.
    pub(super) fn check(self, env: &Environment, report: &mut Report<'_>) -> Option<Settings> {
        let names: Vec<String> = self.portal.keys().cloned().collect();
        let clients = clients::check(self.client, &names, env, report);
        let client_groups = clients.iter().filter_map(|rule| if let Who::Gid(gid) = rule.who { Some(gid) } else { None }).collect();
        let secrets = SecretFiles { credentials_dir: env.credentials_dir.as_deref(), client_groups };

        let limits = self.limits.check();
        if self.portal.is_empty() && !report.complained("portal") {
            report.key(
                "portal",
                "there is none: must have at least one [portal.NAME] with title, sender, reset_url, reply_to and support_address",
            );
        }
        let portals: Vec<Option<Portal>> =
            self.portal.into_iter().map(|(name, section)| section.check(&name, &limits, &secrets, report)).collect();
        let sending = self.sending.check(env, &secrets, report);
        let settings = Settings {
            server: self.server.check(),
            store: self.store.check(&secrets, report),
            clients,
            limits,
            portals: portals.into_iter().flatten().map(|portal| (portal.name.clone(), portal)).collect(),
            sending: sending?,
            mailbox: self.mailbox.check(env, &secrets, report),
            dns: self.dns.check(report),
        };
        check_together(&settings, report);
        Some(settings)
    }
}

fn check_together(settings: &Settings, report: &mut Report<'_>) {
    let Settings { server, portals, sending, mailbox, .. } = settings;
    if let TransportSettings::Capture(folder) = &sending.transport
        && mailbox.maildirs.contains(folder)
    {
        report.value("sending.capture", "must not be a folder of mailbox.maildirs: what goes out would come in as an answer");
    }
    if let Some(index) = mailbox.lmtp.iter().position(|listen| *listen == LmtpListen::Unix(server.socket.clone())) {
        report.value(&format!("mailbox.lmtp[{index}]"), "must not be the API's socket (server.socket)");
    }
    let signs = |domain: &str, sender: &str| sender == domain || sender.strip_suffix(domain).is_some_and(|above| above.ends_with('.'));
    for (index, key) in sending.dkim.iter().enumerate() {
        if !portals.values().any(|portal| signs(&key.domain, portal.sender.address.domain())) {
            let path = format!("sending.dkim[{index}].domain");
            report.value(&path, "must be the domain of a portal's sender, or one above it: no mail would be signed with this key");
        }
    }
}
