//! `[[client]]`: who may do what on the socket. Names become numbers here, once: the kernel vouches for numbers.

use resetd_core::ids::PortalName;
use serde::Deserialize;
use toml::Spanned;

use super::environment::Environment;
use super::report::Report;
use super::types::{ClientRule, Role, Who};
use super::values::{Account, Text, Whole};

/// The groups that the package makes, and what their members may do where no `[[client]]` is given.
const BUILT_IN: [(&str, Role); 3] = [("resetd", Role::App), ("resetd-support", Role::Support), ("resetd-admin", Role::Admin)];

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(super) struct ClientSection {
    user: Option<Text<Account>>,
    group: Option<Text<Account>>,
    uid: Option<Whole<0, 4_294_967_294>>,
    gid: Option<Whole<0, 4_294_967_294>>,
    role: Option<Text<Role>>,
    portals: Option<Vec<Spanned<Text<PortalName>>>>,
}

/// The rules: those of the file, or the built-in ones where it has none.
pub(super) fn check(
    sections: Vec<Spanned<ClientSection>>,
    portals: &[String],
    env: &Environment,
    report: &mut Report<'_>,
) -> Vec<ClientRule> {
    if sections.is_empty() {
        return built_in(env);
    }
    let rules = sections.into_iter().map(|section| {
        let path = report.path_at(&section.span());
        section.into_inner().check(&path, portals, env, report)
    });
    rules.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn built_in(env: &Environment) -> Vec<ClientRule> {
    let rule = |who, role| ClientRule { who, role, portals: None };
    let mut rules = vec![rule(Who::Uid(0), Role::Admin)];
    if env.own_uid != 0 {
        rules.push(rule(Who::Uid(env.own_uid), Role::Admin));
    }
    let groups = BUILT_IN.iter().filter_map(|(group, role)| env.accounts.gid(group).map(|gid| rule(Who::Gid(gid), *role)));
    rules.extend(groups);
    rules
}

impl ClientSection {
    fn check(self, path: &str, known: &[String], env: &Environment, report: &mut Report<'_>) -> Option<ClientRule> {
        let role = report.required(&format!("{path}.role"), self.role, "\"app\", \"support\" or \"admin\"");
        let portals = check_portals(self.portals, path, known, report);
        let role = role?.0;
        if role == Role::Admin && portals.is_some() {
            report.key(&format!("{path}.portals"), "must not stand beside role = \"admin\": an administrator sees every portal");
        }
        let named = [self.user.is_some(), self.group.is_some(), self.uid.is_some(), self.gid.is_some()];
        if named.into_iter().filter(|given| *given).count() != 1 {
            if !["user", "group", "uid", "gid"].iter().any(|key| report.complained(&format!("{path}.{key}"))) {
                report.key(path, "must have one of user, group, uid and gid");
            }
            return None;
        }
        let user = |user: Text<Account>, report: &mut Report<'_>| {
            let uid = env.accounts.uid(&user.0.0);
            found(uid, &format!("{path}.user"), "must be a user of this host", report).map(Who::Uid)
        };
        let group = |group: Text<Account>, report: &mut Report<'_>| {
            let gid = env.accounts.gid(&group.0.0);
            found(gid, &format!("{path}.group"), "must be a group of this host", report).map(Who::Gid)
        };
        let who = match (self.user, self.group) {
            (Some(name), _) => user(name, report)?,
            (_, Some(name)) => group(name, report)?,
            _ => self.uid.map(|uid| Who::Uid(uid.0)).or(self.gid.map(|gid| Who::Gid(gid.0)))?,
        };
        Some(ClientRule { who, role, portals })
    }
}

fn found(number: Option<u32>, path: &str, must_be: &str, report: &mut Report<'_>) -> Option<u32> {
    if number.is_none() {
        report.value(path, must_be);
    }
    number
}

fn check_portals(
    list: Option<Vec<Spanned<Text<PortalName>>>>,
    path: &str,
    known: &[String],
    report: &mut Report<'_>,
) -> Option<Vec<PortalName>> {
    let list = list?;
    let path = format!("{path}.portals");
    if list.is_empty() && !report.complained(&path) {
        report.key(&path, "must name at least one portal (leave it out for all)");
    }
    for item in &list {
        if !known.iter().any(|name| name == item.get_ref().0.as_str()) {
            let at = report.path_at(&item.span());
            report.value(&at, &format!("must be a portal of this file ({})", known.join(", ")));
        }
    }
    Some(list.into_iter().map(|item| item.into_inner().0).collect())
}
