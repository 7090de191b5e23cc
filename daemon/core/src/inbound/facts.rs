//! Everything the rules may know of one inbound message, as plain values.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Bounce;

/// What could be had from one inbound message. Every field may be empty: an unparsable message still gives facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Addr-spec of the first `From` address, lower-case domain. Proves nothing by itself.
    pub from: Option<String>,
    /// Display name of the first `From` address.
    pub from_name: Option<String>,
    /// Domain of `from`, lower-case.
    pub sender_domain: Option<String>,
    /// Addr-specs of `Reply-To`.
    pub reply_to: Vec<String>,
    /// Decoded `Subject`.
    pub subject: Option<String>,
    /// `Message-ID`, without angle brackets.
    pub message_id: Option<String>,
    /// `In-Reply-To`, then `References`: without angle brackets, order kept, no id twice.
    pub references: Vec<String>,
    /// Message-IDs of originals found inside: attached or quoted messages, report parts, `X-Microsoft-Original-Message-ID`.
    pub embedded_ids: Vec<String>,
    /// Ids in `references` and `embedded_ids` cut down to what a next hop may have named in its `250`
    /// (the local part of an SES id, the queue id of a report's `X-Postfix-Queue-ID`), for matching by equality.
    pub next_hop_ids: Vec<String>,
    /// Every address the message was sent to: envelope, `To`, `Cc`, `Delivered-To`, `X-Original-To`, `Envelope-To`,
    /// `X-Forwarded-To`, the `for` clauses of `Received`. Here our signed tag is looked for.
    pub recipients: Vec<String>,
    /// Envelope sender; `Some("")` is the null path (RFC 5321 §4.5.5), `None` unknown.
    pub return_path: Option<String>,
    /// The addresses that `To` and `Cc` name: what a signature covers, other than the envelope.
    pub addressed: Vec<String>,
    /// Whether everybody who reads the message finds this author and no other (RFC 5322 §3.6.2). Where that can be disputed,
    /// nobody vouches for anything in it.
    pub has_one_author: bool,
    /// The `From` domain, where the topmost `Authentication-Results` of a configured authserv-id says `dmarc=pass`
    /// for it (RFC 8601); otherwise `None`.
    pub dmarc_pass: Option<String>,
    /// What the person typed: quotes, signatures and disclaimers are gone. A citation without attribution keeps its `>`.
    pub typed: String,
    /// What was stripped in doubt. The judge of verdicts sees both.
    pub doubtful: String,
    /// The end of the quote, where nothing was typed above it: some people type below, and nothing marks it.
    pub quote_end: String,
    /// The lines taken for those that introduce a quote, where nothing was typed: they may be the person's own words with a time in them.
    pub introduction: String,
    /// What a delivery report says, if the message is one.
    pub bounce: Option<Bounce>,
    /// Signs the kind rules go by.
    pub marks: BTreeSet<Mark>,
    /// Size of the raw message in bytes.
    pub size: usize,
    /// True when a limit (size, depth, parts, headers) cut the reading short.
    pub cut_short: bool,
}

impl Facts {
    /// The typed words alone, for the judge of verdicts: citation lines (`> …`), which are not the writer's, left out.
    pub fn words(&self) -> String {
        let mine = |line: &&str| !line.trim_start().starts_with('>');
        let kept: Vec<&str> = self.typed.lines().filter(mine).collect();
        kept.join("\n").trim().to_owned()
    }

    /// Whether a sign was seen.
    pub fn has(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }
}

macro_rules! marks {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A sign in structure, headers or wording that bears on the kind. Its name is stable and shown to people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mark { $($(#[doc = $doc])+ $name,)+ }

        impl Mark {
            /// The stable name, as shown in `signals`.
            pub fn as_str(self) -> &'static str {
                match self { $(Mark::$name => $text,)+ }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Mark::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

marks! {
    /// A `message/delivery-status` part, or its fields in another part (RFC 3464).
    DeliveryStatus = "delivery_status_part",
    /// A `message/disposition-notification` part (RFC 8098).
    Disposition = "disposition_part",
    /// A `message/feedback-report` part (RFC 5965).
    Feedback = "feedback_part",
    /// The feedback is of type `not-spam`, the opposite of a complaint.
    NotSpam = "feedback_not_spam",
    /// A complaint of a provider without RFC 5965 (Hotmail's JMRP, SES over JSON).
    ForeignFeedback = "feedback_without_report",
    /// The words of a delivery failure, in the place where mail systems put them.
    BounceText = "bounce_text",
    /// An SMTP reply with an enhanced code stands in the text.
    SmtpReply = "smtp_reply_in_text",
    /// The subject is one that mail systems give to delivery reports.
    BounceSubject = "bounce_subject",
    /// Sent by `mailer-daemon`, `postmaster` or their like.
    MailSystemSender = "mail_system_sender",
    /// The null return path. Decides nothing alone.
    NullPath = "null_return_path",
    /// `X-Failed-Recipients` or its like.
    FailedRecipients = "failed_recipients_header",
    /// An original message or its headers are attached or appended.
    OriginalInside = "original_inside",
    /// `Auto-Submitted: auto-replied` (RFC 3834).
    AutoReplied = "auto_submitted_replied",
    /// `Auto-Submitted: auto-generated` or another value that is not `no`.
    AutoGenerated = "auto_submitted_generated",
    /// One of the auto-reply headers that came before or beside RFC 3834.
    AutoReplyHeader = "auto_reply_header",
    /// `Precedence: auto_reply` and its spellings.
    PrecedenceAutoReply = "precedence_auto_reply",
    /// `Precedence: bulk`, `junk` or `list`.
    PrecedenceBulk = "precedence_bulk",
    /// Exchange's loop header beside `X-Auto-Response-Suppress: All`: an inbox rule or out-of-office answer.
    ExchangeRule = "exchange_inbox_rule",
    /// `X-Auto-Response-Suppress`. Proves nothing alone: Outlook sets it on mail people write.
    SuppressHeader = "auto_response_suppress",
    /// The subject says that its writer is away, or that this is an automatic answer.
    AwaySubject = "away_subject",
    /// The text says so.
    AwayText = "away_text",
    /// The subject is one that mail programs give to receipts ("Read: …").
    ReceiptSubject = "receipt_subject",
    /// A mailing list's headers (RFC 2369, RFC 2919).
    ListMail = "list_mail",
    /// A calendar part with a method (RFC 5546).
    Calendar = "calendar_answer",
    /// A challenge that asks the sender to confirm themselves.
    Challenge = "challenge_response",
    /// A spam filter's demand to prove that a person sent the mail, in prose.
    ChallengeText = "challenge_text",
    /// The words hold a link.
    LinkTyped = "link_typed",
    /// The text says of itself that it is automatic. Decides nothing alone, as the seven below.
    SaysAutomatic = "says_automatic",
    /// The text asks not to be answered.
    NoAnswerWanted = "no_answer_wanted",
    /// A help desk's sentence: a request was received, a ticket was opened.
    DeskReceived = "desk_received",
    /// A help desk's sentence: who will answer, and when.
    DeskPromise = "desk_promise",
    /// A help desk's thanks for the message.
    DeskThanks = "desk_thanks",
    /// The sender is a help desk by its address or name.
    DeskSender = "desk_sender",
    /// A ticket's number stands in the text.
    TicketNumber = "ticket_number",
    /// The subject carries a ticket's number, or says that something was received.
    TicketSubject = "ticket_subject",
    /// Words beside a machine's that only people use: I, a denial, or a beginning of one's own.
    PersonWords = "words_of_a_person",
    /// A denial that the judge of verdicts is sure of.
    SureDenial = "sure_denial",
    /// The text says that the mail was read, as receipts do.
    ReceiptText = "receipt_text",
    /// A calendar part that invites, changes or calls off.
    Invitation = "calendar_invitation",
    /// It refers to another message by `In-Reply-To` or `References`.
    Refers = "refers_to_message",
    /// The sender is a `no-reply` address.
    NoReplySender = "no_reply_sender",
    /// Something in it is encrypted: nobody here can read it.
    Encrypted = "encrypted",
    /// No words of a person at all.
    NoWords = "no_words",
}

impl Serialize for Mark {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
