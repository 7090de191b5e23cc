//! How many mails may go out, for whom (DESIGN §1 law 8, §4). A sliding log for the small limits, and a two-bucket count for
//! the large ones; both are plain values that the store's writer keeps and fills again from its rows at start.

mod abuse;
mod log;
mod windows;

use std::time::Duration;

use crate::ids::PortalName;

pub use abuse::Abuse;
pub use windows::Windows;

/// What is allowed. A limit of 0 means "none at all"; `u32::MAX` no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The least time between two mails for one account.
    pub cool_down: Duration,
    /// Mails an hour for one account.
    pub per_account: u32,
    /// Mails an hour to one address, in all portals.
    pub per_address: u32,
    /// Requests an hour from one client IP (IPv6: from one /64).
    pub per_ip: u32,
    /// Mails an hour for the portal.
    pub per_portal: u32,
    /// Mails an hour in all.
    pub in_all: u32,
    /// Wrong codes an hour from one client IP, over all accounts.
    pub wrong_codes_per_ip: u32,
    /// Wrong codes an hour in one portal, over all accounts.
    pub wrong_codes_per_portal: u32,
    /// How long a mail's secret lives. An account or address that is over its hourly mails gets one more after that: whoever asks
    /// in somebody's name must not be able to leave him without a mail that is good.
    pub relief: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cool_down: Duration::from_secs(60),
            per_account: 5,
            per_address: 10,
            per_ip: 40,
            per_portal: 10_000,
            in_all: 50_000,
            wrong_codes_per_ip: 20,
            wrong_codes_per_portal: 1000,
            relief: Duration::from_secs(1800),
        }
    }
}

/// The limit that a request met.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Limit {
    /// Too soon after the last mail for the account.
    CoolDown,
    /// The account's hourly mails.
    Account,
    /// The address's hourly mails.
    Address,
    /// The client IP's hourly requests.
    Ip,
    /// The portal's hourly mails.
    Portal,
    /// All hourly mails.
    All,
    /// The account's wrong codes.
    Codes,
    /// The client IP's hourly wrong codes.
    CodesOfIp,
    /// The portal's hourly wrong codes.
    CodesOfPortal,
}

impl Limit {
    /// Every limit, in the order of the variants.
    pub const ALL: [Self; 9] = [
        Self::CoolDown,
        Self::Account,
        Self::Address,
        Self::Ip,
        Self::Portal,
        Self::All,
        Self::Codes,
        Self::CodesOfIp,
        Self::CodesOfPortal,
    ];

    /// The name in events and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CoolDown => "cool_down",
            Self::Account => "per_account",
            Self::Address => "per_address",
            Self::Ip => "per_ip",
            Self::Portal => "per_portal",
            Self::All => "in_all",
            Self::Codes => "wrong_codes",
            Self::CodesOfIp => "wrong_codes_per_ip",
            Self::CodesOfPortal => "wrong_codes_per_portal",
        }
    }
}

/// What a request counts against. `ip` is already cut to what one subscriber has ([`subscriber`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject<'a> {
    /// The portal.
    pub portal: &'a PortalName,
    /// The account, where the application knows one.
    pub account: Option<&'a str>,
    /// [`crate::address::Mailbox::limit_key`].
    pub address: &'a str,
    /// The client's IP.
    pub ip: Option<&'a str>,
}

/// The part of an IP address that one subscriber has: IPv4 whole, IPv6 its /64, IPv4 in IPv6 as IPv4.
pub fn subscriber(ip: std::net::IpAddr) -> String {
    match ip.to_canonical() {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_is_one_subject() {
        let ip = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(ip("2001:db8:1:2:3::4"), ip("2001:db8:1:2:ffff::9"));
        assert_ne!(ip("2001:db8:1:2::1"), ip("2001:db8:1:3::1"));
        assert_eq!(ip("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
