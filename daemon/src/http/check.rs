//! Requests become types of the house, field by field; what breaks a rule is named with it (law 9).

use std::net::IpAddr;

use resetd_core::address::{DisplayName, Mailbox, is_invisible};
use resetd_core::ids::PortalName;

use super::problem::{Wrong, invalid};
use crate::app::{ExamineAsk, Head, LoginOutcome, NewReset, Person, Presented, Presenting, PreviewAsk};
use crate::wire;

/// Longest account, characters.
const ACCOUNT_MAX: usize = 200;
/// Longest code as typed, characters.
const CODE_MAX: usize = 40;
/// Longest token, characters.
const TOKEN_MAX: usize = 200;
/// Longest `User-Agent`, characters.
const USER_AGENT_MAX: usize = 500;
/// Longest language tag, characters (RFC 5646 §4.4.1).
const LOCALE_MAX: usize = 35;
/// Longest name of a wording, characters.
const WORDING_MAX: usize = 64;

pub(super) fn new_reset(sent: wire::NewReset) -> Result<NewReset, Wrong> {
    let client = sent.client.unwrap_or_default();
    Ok(NewReset {
        portal: portal(&sent.portal)?,
        account: sent.account.map(account).transpose()?,
        email: email(&sent.email)?,
        name: sent.name.as_deref().map(name).transpose()?,
        locale: sent.locale.map(locale).transpose()?,
        method: sent.method,
        wording: sent.wording.map(wording).transpose()?,
        ip: client.ip.as_deref().map(ip).transpose()?,
        user_agent: client.user_agent.map(user_agent).transpose()?,
        valid_since: sent.valid_since,
    })
}

pub(super) fn login_outcome(sent: wire::LoginFailure) -> Result<LoginOutcome, Wrong> {
    let wire::LoginFailure { portal, account, email, success, name, locale, method, client, valid_since } = sent;
    let reset = wire::NewReset { portal, account, email, name, locale, method, wording: None, client, valid_since };
    Ok(LoginOutcome { reset: new_reset(reset)?, success })
}

pub(super) fn presented(mut sent: wire::Presented) -> Result<Presenting, Wrong> {
    let ip = sent.client.take().and_then(|client| client.ip).as_deref().map(ip).transpose()?;
    Ok(Presenting { secret: secret(sent)?, ip })
}

fn secret(sent: wire::Presented) -> Result<Presented, Wrong> {
    match sent {
        wire::Presented { token: Some(token), portal: None, account: None, code: None, client: _ } => {
            length("token", &token.0, TOKEN_MAX)?;
            Ok(Presented::Token(token.0))
        }
        wire::Presented { token: Some(_), .. } => Err(invalid("token", "must stand alone, without portal, account and code")),
        wire::Presented { token: None, portal: None, account: None, code: None, client: _ } => {
            Err(invalid("token", "is missing (or, for a code: portal, account and code)"))
        }
        wire::Presented { token: None, portal: place, account: whose, code, client: _ } => {
            let missing = |field| move || invalid(field, "is missing");
            let place = portal(&place.ok_or_else(missing("portal"))?)?;
            let whose = account(whose.ok_or_else(missing("account"))?)?;
            let code = code.ok_or_else(missing("code"))?.0;
            length("code", &code, CODE_MAX)?;
            Ok(Presented::Code { portal: place, account: whose, code })
        }
    }
}

pub(super) fn preview_ask(sent: wire::PreviewAsk) -> Result<PreviewAsk, Wrong> {
    Ok(PreviewAsk {
        portal: portal(&sent.portal)?,
        wording: wording(sent.wording)?,
        locale: sent.locale.map(locale).transpose()?,
        method: sent.method,
    })
}

pub(super) fn audit_ask(sent: wire::AuditAsk) -> Result<Option<Head>, Wrong> {
    let rule = || invalid("head", "must be LINE:LINK, as `resetctl audit head` prints it");
    sent.head.map(|text| Head::parse(&text).ok_or_else(rule)).transpose()
}

pub(super) fn person_ask(sent: wire::PersonAsk) -> Result<(Person, bool), Wrong> {
    let wrong = |problem: Wrong| invalid("who", problem.rule.clone().unwrap_or_default());
    // An address may be longer than an account, and is held to its own rules.
    let who = match Mailbox::parse(&sent.who) {
        Ok(_) => sent.who,
        Err(_) => account(sent.who).map_err(wrong)?,
    };
    Ok((Person { who, portal: sent.portal.as_deref().map(portal).transpose()? }, sent.dry_run))
}

pub(super) fn examine_ask(sent: wire::ExamineAsk) -> Result<ExamineAsk, Wrong> {
    let send_to = sent.send_to.map(|text| Mailbox::parse(&text).map_err(|rule| invalid("send_to", rule.to_string())));
    Ok(ExamineAsk { portal: sent.portal.as_deref().map(portal).transpose()?, send_to: send_to.transpose()? })
}

/// Who, outcome and note of a resolution.
pub(super) fn resolve(sent: wire::Resolve) -> Result<wire::Resolve, Wrong> {
    line("outcome", &sent.outcome, 100)?;
    if let Some(by) = &sent.by {
        line("by", by, 100)?;
    }
    if let Some(note) = &sent.note {
        length("note", note, 4000)?;
        if note.chars().any(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_invisible(c)) {
            return Err(invalid("note", "must not hold control or invisible characters"));
        }
    }
    Ok(sent)
}

pub(super) fn portal(text: &str) -> Result<PortalName, Wrong> {
    PortalName::parse(text).map_err(|rule| invalid("portal", rule.to_string()))
}

pub(super) fn account(text: String) -> Result<String, Wrong> {
    line("account", &text, ACCOUNT_MAX).map(|()| text)
}

fn email(text: &str) -> Result<Mailbox, Wrong> {
    Mailbox::parse(text).map_err(|rule| invalid("email", rule.to_string()))
}

fn name(text: &str) -> Result<DisplayName, Wrong> {
    DisplayName::parse(text).map_err(|rule| invalid("name", rule.to_string()))
}

fn ip(text: &str) -> Result<IpAddr, Wrong> {
    text.parse().map_err(|_| invalid("client.ip", "must be an IPv4 or IPv6 address"))
}

fn user_agent(text: String) -> Result<String, Wrong> {
    line("client.user_agent", &text, USER_AGENT_MAX).map(|()| text)
}

/// A language tag as BCP 47 shapes them: subtags of 1 to 8 letters and digits, the first of 2 to 8 letters. Underscores, as
/// POSIX writes them, become hyphens.
fn locale(text: String) -> Result<String, Wrong> {
    let tag = text.replace('_', "-");
    let mut subtags = tag.split('-');
    let language_ok = subtags.next().is_some_and(|first| (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest_ok = subtags.all(|subtag| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric()));
    if tag.len() > LOCALE_MAX || !language_ok || !rest_ok {
        return Err(invalid("locale", format!("must be a language tag (BCP 47) like en or pt-BR, at most {LOCALE_MAX} characters")));
    }
    Ok(tag)
}

fn wording(text: String) -> Result<String, Wrong> {
    let ok = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if text.is_empty() || text.len() > WORDING_MAX || !ok {
        return Err(invalid("wording", format!("must be 1 to {WORDING_MAX} of a-z, 0-9, - and _")));
    }
    Ok(text)
}

/// One line of text that a person can see: 1 to `max` characters.
fn line(field: &'static str, text: &str, max: usize) -> Result<(), Wrong> {
    length(field, text, max)?;
    match text.chars().any(|c| c.is_control() || is_invisible(c)) {
        true => Err(invalid(field, "must not hold control or invisible characters")),
        false => Ok(()),
    }
}

fn length(field: &'static str, text: &str, max: usize) -> Result<(), Wrong> {
    match text.chars().take(max + 1).count() {
        n if (1..=max).contains(&n) => Ok(()),
        _ => Err(invalid(field, format!("must have 1 to {max} characters"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zeroize::Zeroizing;

    use super::*;

    fn reset_with(field: &str, value: Value) -> Result<NewReset, Wrong> {
        let mut body = json!({ "portal": "shop", "account": "u-1", "email": "ann@example.org", "client": {} });
        match field.split_once('.') {
            Some((outer, inner)) => body[outer][inner] = value,
            None => body[field] = value,
        }
        new_reset(serde_json::from_value(body).unwrap())
    }

    #[test]
    fn good_requests_become_types() {
        let reset = reset_with("client.ip", json!("2001:db8::1")).unwrap();
        assert_eq!(reset.email.as_str(), "ann@example.org");
        assert!(reset.ip.is_some_and(|ip| ip.is_ipv6()));
        assert_eq!(reset_with("locale", json!("pt_BR")).unwrap().locale.as_deref(), Some("pt-BR"));
        assert_eq!(reset_with("account", Value::Null).unwrap().account, None);
        assert!(reset_with("account", json!("й".repeat(200))).is_ok());
    }

    #[test]
    fn each_bad_field_is_named() {
        for (field, value) in [
            ("portal", json!("Shop!")),
            ("account", json!("")),
            ("account", json!("a".repeat(201))),
            ("account", json!("a\u{0}b")),
            ("account", json!("a\nb")),
            ("account", json!("a\u{202e}b")),
            ("email", json!("ann")),
            ("email", json!("ann@example.org\r\nBcc: x@example.org")),
            ("name", json!("Ann\r\nBcc: x@example.org")),
            ("name", json!("a".repeat(101))),
            ("locale", json!("e")),
            ("locale", json!("en-")),
            ("locale", json!("en/../x")),
            ("locale", json!("en-aaaaaaaa-bbbbbbbb-cccccccc-ddddddd")),
            ("wording", json!("../easy")),
            ("wording", json!("")),
            ("client.ip", json!("1.2.3")),
            ("client.ip", json!("203.0.113.7:443")),
            ("client.user_agent", json!("a".repeat(501))),
            ("client.user_agent", json!("a\nb")),
        ] {
            let problem = reset_with(field, value.clone()).expect_err(&format!("{field} = {value} was taken"));
            assert_eq!(problem.field.as_deref(), Some(field), "{value}");
            assert!(problem.rule.is_some() && problem.status == 400);
        }
    }

    fn secret(text: &str) -> Option<wire::Secret> {
        Some(wire::Secret(Zeroizing::new(text.to_owned())))
    }

    #[test]
    fn a_token_stands_alone_and_a_code_has_its_place() {
        assert!(matches!(super::secret(wire::Presented { token: secret("t"), ..Default::default() }), Ok(Presented::Token(_))));
        let code = |portal: Option<&str>, account: Option<&str>, code| wire::Presented {
            token: None,
            portal: portal.map(str::to_owned),
            account: account.map(str::to_owned),
            code,
            client: None,
        };
        assert!(matches!(super::secret(code(Some("shop"), Some("u"), secret("1234 5678"))), Ok(Presented::Code { .. })));
        let field = |sent| presented(sent).err().and_then(|problem| problem.field);
        assert_eq!(field(code(None, Some("u"), secret("1"))).as_deref(), Some("portal"));
        assert_eq!(field(code(Some("shop"), None, secret("1"))).as_deref(), Some("account"));
        assert_eq!(field(code(Some("shop"), Some("u"), None)).as_deref(), Some("code"));
        assert_eq!(field(code(Some("shop"), Some("u"), secret(&"1".repeat(41)))).as_deref(), Some("code"));
        assert_eq!(field(wire::Presented::default()).as_deref(), Some("token"));
        assert_eq!(field(wire::Presented { token: secret("t"), code: secret("1"), ..Default::default() }).as_deref(), Some("token"));
        assert_eq!(field(wire::Presented { token: secret(&"t".repeat(201)), ..Default::default() }).as_deref(), Some("token"));
        assert_eq!(field(wire::Presented { token: secret(""), ..Default::default() }).as_deref(), Some("token"));
    }

    #[test]
    fn resolutions_are_lines() {
        let resolve = |outcome: &str, note: Option<&str>| {
            super::resolve(wire::Resolve { outcome: outcome.into(), note: note.map(str::to_owned), by: None })
        };
        assert!(resolve("account secured", Some("called her\nall well")).is_ok());
        assert_eq!(resolve("", None).unwrap_err().field.as_deref(), Some("outcome"));
        assert_eq!(resolve("ok", Some("\u{7}")).unwrap_err().field.as_deref(), Some("note"));
    }
}
