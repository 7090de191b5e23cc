//! `resetctl request | show | revoke | completed`

use clap::Args;
use serde_json::{Value, json};

use super::errand::{Asked, Errand, good, segment};
use super::failure::Failure;
use super::screen::{Screen, clean, when};
use super::table::{Sheet, Table, styled};
use crate::wire::{Accepted, Moment, Reset};

#[derive(Args)]
pub(super) struct NewReset {
    /// The portal's name in the configuration
    #[arg(long)]
    pub(super) portal: String,
    /// The account at the portal
    #[arg(long, required_unless_present = "unknown")]
    pub(super) account: Option<String>,
    /// The application knows no account for this address: nothing is mailed
    #[arg(long, conflicts_with = "account")]
    pub(super) unknown: bool,
    /// Where the mail goes
    #[arg(long)]
    pub(super) email: String,
    /// The person's name, for the greeting
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The person's language, like en or pt-BR
    #[arg(long)]
    pub(super) locale: Option<String>,
    /// What the mail holds
    #[arg(long, value_parser = ["link", "code", "both"])]
    pub(super) method: Option<String>,
    /// Which wording
    #[arg(long)]
    pub(super) wording: Option<String>,
    /// The address of the browser that asked
    #[arg(long)]
    pub(super) ip: Option<String>,
    /// Its User-Agent
    #[arg(long)]
    pub(super) user_agent: Option<String>,
    /// Since when the address is known to be the person's (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(super) valid_since: Option<String>,
    /// The same key with the same request asks only once
    #[arg(long, value_name = "KEY")]
    pub(super) idempotency_key: Option<String>,
}

pub(super) async fn request(errand: &Errand, new: NewReset) -> Result<(), Failure> {
    let key = new.idempotency_key.clone();
    let body = serde_json::to_vec(&body(new)).unwrap_or_default();
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(key.as_deref().map(|key| ("idempotency-key", key)));
    let answer = good(errand.client.send("POST", "/v1/resets", &headers, body).await?)?;
    let asked: Asked<Accepted> = Asked::of(answer)?;
    errand.show(&asked, |accepted, _| accepted.id.to_string())?;
    errand.say(&format!("accepted; `resetctl show {}` tells what became of it", asked.value.id));
    Ok(())
}

/// As JSON and not as a wire type: the daemon is to judge what was typed, not this side.
fn body(new: NewReset) -> Value {
    let mut body = json!({ "portal": new.portal, "account": new.account, "email": new.email });
    let optional =
        [("name", new.name), ("locale", new.locale), ("method", new.method), ("wording", new.wording), ("valid_since", new.valid_since)];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    if new.ip.is_some() || new.user_agent.is_some() {
        let pairs = [("ip", new.ip), ("user_agent", new.user_agent)];
        body["client"] = pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
    }
    body
}

pub(super) async fn show(errand: &Errand, id: &str) -> Result<(), Failure> {
    let asked = errand.get(&format!("/v1/resets/{}", segment(id)?)).await?;
    errand.show(&asked, sheet)
}

pub(super) async fn revoke(errand: &Errand, id: &str) -> Result<(), Failure> {
    let asked = errand.ask("DELETE", &format!("/v1/resets/{}", segment(id)?), None).await?;
    errand.show(&asked, sheet)
}

pub(super) async fn completed(errand: &Errand, id: &str) -> Result<(), Failure> {
    good(errand.client.call("POST", &format!("/v1/resets/{}/completed", segment(id)?), None).await?)?;
    errand.say("noted; the person gets a notice");
    Ok(())
}

fn sheet(reset: &Reset, screen: Screen) -> String {
    let mut sheet = Sheet::new();
    sheet
        .line("reset", reset.id.to_string())
        .line("state", styled(reset.state.as_str(), state_style(reset.state.as_str())))
        .line("portal", reset.portal.clone())
        .line("account", reset.account.as_deref().map_or_else(|| "—".to_owned(), clean))
        .line("email", reset.email.as_deref().map_or_else(|| "— (purged)".to_owned(), clean))
        .line("created", when(reset.created_at))
        .line("sent", reset.sent_at.map_or_else(|| "—".to_owned(), when))
        .line("expires", when(reset.expires_at));
    format!("{}\n{}", sheet.render(screen), timeline(&reset.timeline, screen))
}

fn timeline(moments: &[Moment], screen: Screen) -> String {
    let mut table = Table::new(&["TIME (UTC)", "EVENT", "DETAIL"]);
    for moment in moments {
        table.row([when(moment.at).into(), styled(clean(&moment.event), event_style(&moment.event)), detail(&moment.detail).into()]);
    }
    table.render(screen)
}

/// A detail as `name=value` pairs; what is inside of what has a dotted name.
pub(super) fn detail(detail: &Value) -> String {
    let mut pairs = Vec::new();
    collect("", detail, &mut pairs);
    clean(&pairs.join("  "))
}

fn collect(name: &str, value: &Value, pairs: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(map) if name.is_empty() => map.iter().for_each(|(inner, value)| collect(inner, value, pairs)),
        Value::Object(map) => map.iter().for_each(|(inner, value)| collect(&format!("{name}.{inner}"), value, pairs)),
        Value::String(text) => pairs.push(format!("{name}={text}")),
        other => pairs.push(format!("{name}={other}")),
    }
}

fn state_style(state: &str) -> &'static str {
    match state {
        "sent" | "redeemed" => "32",
        "denied" | "undeliverable" => "31",
        "accepted" => "33",
        _ => "2",
    }
}

/// Red for what support or an administrator looks for, green for what went well.
pub(super) fn event_style(event: &str) -> &'static str {
    match event {
        "reset.denied" | "flag.raised" | "mail.refused" | "mail.dropped" | "mail.bounced" | "inbound.failed" | "webhook.failed" => "31",
        "reset.redeemed" | "mail.sent" | "reset.completed" | "flag.resolved" => "32",
        "mail.deferred" | "mail.delayed" | "reset.suppressed" | "reset.refused" | "code.wrong" | "login.threshold" => "33",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_pairs_without_what_is_not_known() {
        assert_eq!(detail(&json!({ "kind": "reset", "attempts": 2, "reply": null })), "attempts=2  kind=reset");
        assert_eq!(detail(&json!({ "reply": "\u{1b}[2J550 no" })), "reply=[2J550 no");
        assert_eq!(detail(&json!({ "says": { "verdict": "not_me" } })), "says.verdict=not_me");
        assert_eq!(detail(&Value::Null), "");
    }
}
