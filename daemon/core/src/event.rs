//! The names of what happens, as they stand in timelines, in the event stream, in logs and in metrics. Stable: people
//! write filters on them.

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One kind of line in the timeline.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum Event { $($(#[$doc])* $name,)* }

        impl Event {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

events! {
    /// A request is on disk and a mail will go out.
    ResetAccepted = "reset.accepted",
    /// A request is on disk and nothing will be mailed; the detail says why.
    ResetSuppressed = "reset.suppressed",
    /// The next hop took the reset mail: the secret's life began.
    MailSent = "mail.sent",
    /// The next hop wants the mail later, or could not be reached.
    MailDeferred = "mail.deferred",
    /// The next hop refused the mail for ever.
    MailRefused = "mail.refused",
    /// The mail can't arrive in time to be useful, and was not sent (law 7).
    MailDropped = "mail.dropped",
    /// A held address may have mail again.
    AddressReleased = "address.released",
    /// A bounce, with proof, says that the mail did not arrive.
    MailBounced = "mail.bounced",
    /// A bounce, with proof, says that the mail is late.
    MailDelayed = "mail.delayed",
    /// A notice, with proof, says that the mail arrived.
    MailDelivered = "mail.delivered",
    /// A page asked whether the secret is good.
    ResetInspected = "reset.inspected",
    /// The secret came back and was good: once.
    ResetRedeemed = "reset.redeemed",
    /// A secret of this reset came back and was refused; the detail says why.
    ResetRefused = "reset.refused",
    /// A wrong code was typed for the account.
    CodeWrong = "code.wrong",
    /// A newer mail, or a redeemed sibling, took its place.
    ResetSuperseded = "reset.superseded",
    /// An application or an administrator took it back.
    ResetRevoked = "reset.revoked",
    /// The person denied it: every open secret of the account died.
    ResetDenied = "reset.denied",
    /// Its time ran out.
    ResetExpired = "reset.expired",
    /// The application changed the password.
    ResetCompleted = "reset.completed",
    /// An inbound message is on disk.
    InboundStored = "inbound.stored",
    /// An inbound message was read: kind, verdict, proof.
    InboundRead = "inbound.read",
    /// Reading an inbound message failed more than once; a person must look.
    InboundFailed = "inbound.failed",
    /// A case for support was opened.
    FlagRaised = "flag.raised",
    /// More about an open case.
    FlagNoted = "flag.noted",
    /// A case was closed.
    FlagResolved = "flag.resolved",
    /// A login failed at the portal.
    LoginFailed = "login.failed",
    /// Failed logins reached the portal's threshold.
    LoginThreshold = "login.threshold",
    /// A webhook was taken by its receiver.
    WebhookSent = "webhook.sent",
    /// A webhook was given up.
    WebhookFailed = "webhook.failed",
    /// Personal data of old resets was purged.
    Purged = "retention.purged",
    /// What was held about one person was erased on demand.
    Forgotten = "data.forgotten",
    /// What is held about one person was given out.
    Exported = "data.exported",
    /// A new root key makes secrets from here on.
    KeyRotated = "key.rotated",
    /// A copy of the database was written.
    BackedUp = "store.backed_up",
    /// This database is a copy that was put back: what was open in it has ended.
    Restored = "store.restored",
}

impl Event {
    /// The event of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == name)
    }
}
