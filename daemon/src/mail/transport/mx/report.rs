//! How often TLS was spoken and how it failed, in the words of TLS-RPT (RFC 8460 §4.3), for metrics.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::lock;
use crate::mail::TlsState;

/// Counters since the start.
#[derive(Default)]
pub(super) struct Report {
    counts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Report {
    /// One more session under `policy` ("tlsa", "sts", "no-policy-found") with this result.
    pub fn count(&self, policy: &'static str, result: &'static str) {
        *lock(&self.counts).entry((policy, result)).or_default() += 1;
    }

    /// Goes on counting where another stopped.
    pub fn inherit(&self, before: &Self) {
        lock(&self.counts).extend(lock(&before.counts).iter().map(|(key, count)| (*key, *count)));
    }

    /// All of them.
    pub fn counts(&self) -> Vec<(&'static str, &'static str, u64)> {
        lock(&self.counts).iter().map(|((policy, result), count)| (*policy, *result, *count)).collect()
    }
}

/// The result of a session that came about.
pub(super) fn result_of(policy: &'static str, tls: TlsState) -> &'static str {
    match (policy, tls) {
        (_, TlsState::Clear) => "starttls-not-supported",
        (_, TlsState::Failed) => "validation-failure",
        _ => "success",
    }
}
