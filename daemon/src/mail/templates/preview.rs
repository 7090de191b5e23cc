//! Sample values: what `resetctl templates preview` shows and what the checks render with.

use resetd_core::reset::Method;
use resetd_core::time::Timestamp;

use super::values::{Brand, Facts, Look, Values};
use crate::config::Logo;

/// A portal to show wordings with where none is configured.
pub fn sample_brand() -> Brand {
    Brand::new(&sample_look())
}

/// A logo: one white dot.
pub(super) fn sample_logo() -> Logo {
    Logo { media_type: "image/png", bytes: DOT.into() }
}

const DOT: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\x0aIDATx\x9cc\xf8\x0f\x00\x01\x01\x01\x00\xb18\xf6\x14\x00\x00\x00\x00IEND\xaeB`\x82";

/// What it looks like.
pub fn sample_look() -> Look<'static> {
    Look {
        title: "Example Shop",
        company: Some("Example Trading Ltd"),
        domain: "shop.example",
        support: "help@shop.example",
        locale: "en",
        familiar: false,
        color: "#1f5fd6",
        logo: None,
    }
}

/// A person who asks for a reset, with every value that a mail may have. No secret of it is real.
#[derive(Clone, Copy)]
pub struct Sample<'a> {
    /// The portal's look.
    pub brand: &'a Brand,
    /// What secret the mail has.
    pub method: Method,
    /// Whether the person's name is known.
    pub named: bool,
    /// Whether it is known how long the secret is good.
    pub timed: bool,
}

/// As long as a link of ours with a host of usual length.
const LINK: &str = "https://shop.example/account/reset?token=AQGTtZ1iWjS0Xv4uJcY3sVbnm2k8Qp0LrT6yHdEaWf9xGzKoBvNqMi5UjRl7tCwDhSeP";

/// As long as one of ours.
const REPLY_TO: &str = "reply+ra7h3k5m2q4t6v8x2z4b6d8f2h4k6m8p2r4t6v8x2z4@reply.shop.example";

impl<'a> Sample<'a> {
    /// Named and timed.
    pub fn new(brand: &'a Brand, method: Method) -> Self {
        Self { brand, method, named: true, timed: true }
    }

    /// The values, for [`Library::render`](super::Library::render).
    pub fn values(&self) -> Values<'a> {
        let (link, code) = match self.method {
            Method::Link => (true, false),
            Method::Code => (false, true),
            Method::Both => (true, true),
        };
        Values {
            account: None,
            name: self.named.then_some("Anna Kovács"),
            link: link.then_some(LINK),
            code: code.then_some("27180463"),
            link_minutes: (link && self.timed).then_some(30),
            code_minutes: (code && self.timed).then_some(10),
            reply_to: self.named.then_some(REPLY_TO),
            facts: Facts {
                at: Some(Timestamp::from_millis(1_795_455_840_000)),
                ip: Some("203.0.113.7"),
                count: self.timed.then_some(5),
                reason: Some("not_me"),
                severity: Some("high"),
                verdict: Some("not_me"),
                proof: Some("tag"),
                words: Some("That wasn't me!\nPlease stop this at once."),
                flag: Some("42"),
                reset: Some("019a5f3e-7b1c-7d2e-8f40-0a1b2c3d4e5f"),
                state: Some("sent"),
                revoked: true,
            },
            ..Values::new(self.brand, "anna.kovacs@mail.example")
        }
    }
}
