//! Compares what administrators read with what the code knows: the reference `etc/resetd.toml`, and the guide's examples.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use toml::de::{DeTable, DeValue};

use super::clients::ClientSection;
use super::file::File;
use super::imap::ImapSection;
use super::limits::LimitsSection;
use super::mailbox::MailboxSection;
use super::mx::MxSection;
use super::portal::PortalSection;
use super::portal::alert::{AlertSection, WebhookSection};
use super::portal::login_failures::LoginFailuresSection;
use super::problem::Problem;
use super::relay::{LoginSection, RelaySection};
use super::report::Report;
use super::sending::{DkimSection, SendingSection};
use super::server::ServerSection;
use super::smtp::{DnsSection, SmtpSection};
use super::source::Source;
use super::store::StoreSection;
use super::{Environment, FixedAccounts, Settings, parse, read};

const REFERENCE: &str = include_str!("../../../etc/resetd.toml");

const GUIDE: &str = include_str!("../../../docs/admin.md");

/// The keys without a default that every configuration must have.
const NEEDED: [&str; 6] = ["title", "sender", "reset_url", "reply_to", "support_address", "host"];

/// The reference with `#key = value` and `#[table]` uncommented where `keep` says so, of the key and whether it is marked
/// as an example. A key of a table that is itself an example is called by both names: `mailbox.imap.host`.
fn uncommented(keep: impl Fn(&str, bool) -> bool) -> String {
    let mut table = String::new();
    let line = |line: &str| {
        let Some(bare) = line.strip_prefix('#').filter(|bare| bare.starts_with(|c: char| c == '[' || c.is_ascii_lowercase())) else {
            return line.to_owned();
        };
        let key = bare.split([' ', '=']).next().unwrap();
        let example = bare.trim_end().ends_with("# example");
        if bare.starts_with('[') {
            table = if example { format!("{}.", key.trim_matches(['[', ']'])) } else { String::new() };
        }
        let called = if bare.starts_with('[') { key.to_owned() } else { format!("{table}{key}") };
        if keep(&called, example) { bare.to_owned() } else { String::new() }
    };
    REFERENCE.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn settings(text: &str) -> Settings {
    let env = Environment {
        credentials_dir: None,
        host_name: "host.example".to_owned(),
        own_uid: 1,
        accounts: Box::new(FixedAccounts::default()),
    };
    parse(text, Path::new("etc/resetd.toml"), &env).unwrap()
}

#[test]
fn every_key_of_the_reference_is_known() {
    assert_eq!(misread(&uncommented(|_, _| true)), []);
}

#[test]
fn every_example_of_the_guide_is_understood() {
    let examples: Vec<&str> = GUIDE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 10);
    for example in examples {
        assert_eq!(misread(example), [], "{example}");
    }
}

/// What serde and the kinds of value don't like, files and other sections left aside.
fn misread(text: &str) -> Vec<Problem> {
    let table = read::parse_toml(text).unwrap();
    let source = Source::new(text, table.get_ref());
    let mut report = Report::new(&source);
    let _: File = read::read(&table, &source, &mut report);
    report.into_problems()
}

#[test]
fn every_default_of_the_reference_is_the_real_one() {
    let shown = settings(&uncommented(|key, example| !example || NEEDED.contains(&key)));
    let real = settings(&uncommented(|key, _| NEEDED.contains(&key) || key == "[portal.shop]" || key == "[sending.relay]"));
    assert_eq!(shown, real);
}

#[test]
fn every_known_key_stands_in_the_reference() {
    let text = uncommented(|_, _| true);
    let table = DeTable::parse(&text).unwrap();
    let mut there = BTreeSet::new();
    collect("", table.get_ref(), &mut there);
    let mut known = BTreeSet::new();
    for (section, keys) in sections() {
        known.extend(keys.iter().map(|key| if section.is_empty() { (*key).to_owned() } else { format!("{section}.{key}") }));
    }
    known.insert("portal.shop".to_owned());
    assert_eq!(there, known);
}

/// Every section with the keys that serde takes for it. A table that is missing here shows as keys that nobody knows.
fn sections() -> [(&'static str, &'static [&'static str]); 18] {
    [
        ("", keys_of::<File>()),
        ("server", keys_of::<ServerSection>()),
        ("store", keys_of::<StoreSection>()),
        ("client", keys_of::<ClientSection>()),
        ("limits", keys_of::<LimitsSection>()),
        ("portal.shop", keys_of::<PortalSection>()),
        ("portal.shop.login_failures", keys_of::<LoginFailuresSection>()),
        ("portal.shop.alert", keys_of::<AlertSection>()),
        ("portal.shop.alert.webhook", keys_of::<WebhookSection>()),
        ("sending", keys_of::<SendingSection>()),
        ("sending.relay", keys_of::<RelaySection>()),
        ("sending.mx", keys_of::<MxSection>()),
        ("sending.relay.login", keys_of::<LoginSection>()),
        ("sending.dkim", keys_of::<DkimSection>()),
        ("mailbox", keys_of::<MailboxSection>()),
        ("mailbox.smtp", keys_of::<SmtpSection>()),
        ("dns", keys_of::<DnsSection>()),
        ("mailbox.imap", keys_of::<ImapSection>()),
    ]
}

fn collect(above: &str, table: &DeTable<'_>, paths: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(table) => collect(&path, table, paths),
            DeValue::Array(items) => {
                items.iter().filter_map(|item| item.get_ref().as_table()).for_each(|table| collect(&path, table, paths))
            }
            _ => {}
        }
        paths.insert(path);
    }
}

/// The names of a struct's fields, which `Deserialize` tells the deserializer.
fn keys_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut keys: &'static [&'static str] = &[];
    let _ = T::deserialize(KeysOf(&mut keys));
    assert!(!keys.is_empty());
    keys
}

struct KeysOf<'k>(&'k mut &'static [&'static str]);

impl<'de> Deserializer<'de> for KeysOf<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, keys: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        *self.0 = keys;
        Err(Error::custom("that is all"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
