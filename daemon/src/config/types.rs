//! The configuration as the rest of the house sees it: every value checked, every name resolved, every file read.
//! Made by `config::load`, never by hand (tests and the demo excepted).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use super::imap::{ImapAfter, ImapSettings};
pub use super::login::{Login, LoginSecret};

use resetd_core::address::{DisplayName, Mailbox};
use resetd_core::ids::PortalName;
use resetd_core::limits::Limits;
use resetd_core::reset::{Lifetimes, Method};
use resetd_core::secret::CodeLength;
use zeroize::Zeroizing;

/// Everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// `[server]`: the socket.
    pub server: Server,
    /// `[store]`: the database and its keeping.
    pub store: StoreSettings,
    /// `[[client]]`: who may do what on the socket.
    pub clients: Vec<ClientRule>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[portal.NAME]`.
    pub portals: BTreeMap<PortalName, Portal>,
    /// `[sending]`: how mails leave.
    pub sending: Sending,
    /// `[mailbox]`: where answers come in.
    pub mailbox: MailboxSettings,
    /// `[dns]`: whom to ask.
    pub dns: DnsSettings,
}

impl Settings {
    /// How long an address gets no mail of a portal after a hard bounce.
    pub fn hold_bounced(&self, portal: &PortalName) -> Duration {
        self.portals.get(portal).and_then(|portal| portal.hold_bounced).unwrap_or(self.sending.hold_bounced)
    }
}

/// `[server]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Path of the API socket. Ignored when systemd hands one in.
    pub socket: PathBuf,
    /// Connections served at a time; more wait in the backlog.
    pub max_connections: usize,
    /// How long a client may take to send its request's head.
    pub header_timeout: Duration,
    /// How long a kept-alive connection may be idle, and a body may take.
    pub idle_timeout: Duration,
}

/// `[store]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreSettings {
    /// The folder of database and key (0700).
    pub state_dir: PathBuf,
    /// The root key file; `None`: `root.key` in the state folder, made at first start, or the systemd credential `root.key`.
    pub root_key: Option<PathBuf>,
    /// Personal data of ended resets (address, IP, name, raw replies) is purged after this.
    pub keep_personal: Duration,
    /// Resets, flags and events as such are purged after this.
    pub keep_events: Duration,
}

/// What a client may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Request, inspect, redeem; see its portals' resets.
    App,
    /// See flags and timelines, resolve flags.
    Support,
    /// Everything.
    Admin,
}

/// Whom a rule is about, already resolved to numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// A user.
    Uid(u32),
    /// A group: the peer's primary group, or one that its user is a member of.
    Gid(u32),
}

/// One `[[client]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientRule {
    /// Whom.
    pub who: Who,
    /// What for.
    pub role: Role,
    /// Which portals; `None`: all.
    pub portals: Option<Vec<PortalName>>,
}

/// What happens to older secrets of an account when a new one is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Supersede {
    /// They stay good until one is redeemed; at most three are open, the oldest goes.
    KeepThree,
    /// They die at once.
    NewestOnly,
}

/// The terms that a portal is on with its people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Sie, vous, usted.
    Formal,
    /// Du, tu, tú.
    Familiar,
}

/// One `[portal.NAME]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Portal {
    /// The key in the configuration and the API.
    pub name: PortalName,
    /// The site's name as people know it ("Example Shop").
    pub title: DisplayName,
    /// The company behind it, where wordings name one.
    pub company: Option<DisplayName>,
    /// `From:` of the mails.
    pub sender: Sender,
    /// The address that answers come back to, with the place for the tag: local part base and domain of `base+{tag}@domain`.
    pub reply_to: TaggedAddress,
    /// The envelope sender's: bounces come back there.
    pub bounce_to: TaggedAddress,
    /// The link, with one `{token}`.
    pub reset_url: ResetUrl,
    /// The address for questions that wordings show.
    pub support_address: Mailbox,
    /// Language of the mails where the request names none (BCP 47).
    pub locale: String,
    /// Whether the language tells formal from familiar terms: which of them.
    pub tone: Tone,
    /// Wording where the request names none.
    pub wording: String,
    /// Method where the request names none.
    pub method: Method,
    /// The folder of the administrator's own wordings for this portal.
    pub templates: Option<PathBuf>,
    /// The button's colour, `#rrggbb`.
    pub color: String,
    /// The picture that mails carry and show in place of the title.
    pub logo: Option<Logo>,
    /// Lives of the secrets.
    pub lifetimes: Lifetimes,
    /// Digits of a code.
    pub code_length: CodeLength,
    /// Older secrets.
    pub supersede: Supersede,
    /// Mails an hour for this portal.
    pub per_hour: u32,
    /// `[portal.NAME.login_failures]`
    pub login_failures: LoginFailures,
    /// `[portal.NAME.alert]`
    pub alert: Alert,
    /// Whether the person gets an acknowledgement of a proven "this wasn't me".
    pub acknowledge: bool,
    /// How we show ourselves where mails go straight to their domain.
    pub face: Face,
    /// How long an address gets no mail of this portal after a hard bounce.
    pub hold_bounced: Option<Duration>,
}

/// A picture. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// `image/png` or `image/jpeg`
    pub media_type: &'static str,
    /// The file.
    pub bytes: Arc<[u8]>,
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} octets)", self.media_type, self.bytes.len())
    }
}

/// Name and address of a `From:`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    /// Display name.
    pub name: DisplayName,
    /// Address.
    pub address: Mailbox,
}

/// `base+{tag}@domain`: what stands before and behind the tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaggedAddress {
    /// `base+`
    pub before: String,
    /// `@domain`
    pub after: String,
}

impl TaggedAddress {
    /// The address with this tag.
    pub fn with(&self, tag: &str) -> String {
        format!("{}{tag}{}", self.before, self.after)
    }

    /// The domain.
    pub fn domain(&self) -> &str {
        self.after.trim_start_matches('@')
    }
}

/// A checked `https://…{token}…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResetUrl {
    /// What stands before the token.
    pub before: String,
    /// What stands behind it.
    pub after: String,
}

impl ResetUrl {
    /// The link.
    pub fn with(&self, token: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{token}{}", self.before, self.after))
    }
}

/// `[portal.NAME.login_failures]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginFailures {
    /// How many failures start a reset; 0 switches it off.
    pub threshold: u32,
    /// Within which time.
    pub window: Duration,
    /// The least time between two such resets of one account.
    pub at_most_every: Duration,
    /// Wording of that mail.
    pub wording: String,
}

/// `[portal.NAME.alert]`: where flags go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Alert {
    /// Support's address; `None`: no alert mail.
    pub mail_to: Option<Mailbox>,
    /// Receiver of the webhook; `None`: none.
    pub webhook: Option<Webhook>,
}

/// Where and with what key webhooks go (Standard Webhooks).
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `https://…`, or `http://` to loopback.
    pub url: String,
    /// The symmetric key (`whsec_…` decoded), 24 to 64 octets.
    pub secret: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhook({})", self.url)
    }
}

/// `[sending]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sending {
    /// The way out.
    pub transport: TransportSettings,
    /// Mails under way at a time, each on a connection of its own.
    pub connections: usize,
    /// Of these, to one relay or one domain.
    pub per_destination: usize,
    /// Mails a second to one relay or one domain; `None`: as many as it takes.
    pub rate: Option<u32>,
    /// Mails that one connection carries.
    pub mails_per_connection: u32,
    /// How long an address is held back after a hard bounce.
    pub hold_bounced: Duration,
    /// `[[sending.dkim]]`: signatures to add.
    pub dkim: Vec<DkimKey>,
}

impl Sending {
    /// What one destination may have: mails at a time, and in a second.
    pub fn limits(&self) -> (usize, Option<u32>) {
        (self.per_destination, self.rate)
    }
}

/// The way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransportSettings {
    /// Smarthosts; the first that answers takes the mail. Never empty.
    Relay(Vec<RelaySettings>),
    /// To the servers of the address's domain.
    Mx(MxSettings),
    /// Into a Maildir: demo, development, tests.
    Capture(PathBuf),
}

/// `[sending.relay]`
#[derive(Clone, PartialEq, Eq)]
pub struct RelaySettings {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: TlsMode,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key, PEM files, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// AUTH.
    pub login: Option<Login>,
    /// What EHLO says.
    pub hello: String,
    /// For each step of the dialogue.
    pub timeout: Duration,
    /// An idle connection is closed after this.
    pub idle: Duration,
}

impl std::fmt::Debug for RelaySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay({}:{}, {:?})", self.host, self.port, self.tls)
    }
}

/// `[sending.mx]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MxSettings {
    /// How we show ourselves, for portals that don't say otherwise.
    pub face: Face,
    /// This host's name, where nothing says what EHLO is to say.
    pub host_name: String,
    /// For each step of the dialogue.
    pub timeout: Duration,
    /// An idle connection is closed after this.
    pub idle: Duration,
    /// Whether TLSA records are asked for and kept to (RFC 7672).
    pub dane: bool,
    /// Whether MTA-STS policies are fetched and kept to (RFC 8461).
    pub mta_sts: bool,
    /// Whether a server without TLS gets no mail.
    pub require_tls: bool,
    /// Whether servers on private and loopback addresses get mail.
    pub private_addresses: bool,
    /// PEM file of the authorities to trust instead of the system's, for MTA-STS.
    pub ca: Option<PathBuf>,
    /// The servers' port.
    pub port: u16,
    /// The port that MTA-STS policies are fetched from.
    pub policy_port: u16,
}

/// An EHLO name and source addresses.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Face {
    /// What EHLO says.
    pub hello: Option<String>,
    /// The IPv4 address to send from.
    pub ipv4: Option<Ipv4Addr>,
    /// The IPv6 address to send from.
    pub ipv6: Option<Ipv6Addr>,
}

/// How a relay connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsMode {
    /// From the first octet (port 465).
    Implicit,
    /// By STARTTLS, required (port 587).
    StartTls,
    /// Not at all: loopback only.
    None,
}

impl TlsMode {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }
}

/// One DKIM signature.
#[derive(Clone, PartialEq, Eq)]
pub struct DkimKey {
    /// `d=`; mails whose From domain is this or below it are signed.
    pub domain: String,
    /// `s=`
    pub selector: String,
    /// PKCS#8 or PKCS#1 PEM.
    pub pem: Zeroizing<String>,
}

impl std::fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DkimKey({}._domainkey.{})", self.selector, self.domain)
    }
}

/// `[mailbox]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MailboxSettings {
    /// Maildirs to watch.
    pub maildirs: Vec<PathBuf>,
    /// LMTP listeners.
    pub lmtp: Vec<LmtpListen>,
    /// Our own SMTP listener.
    pub smtp: Option<SmtpSettings>,
    /// `[[mailbox.imap]]`: accounts to read.
    pub imap: Vec<ImapSettings>,
    /// Whose `Authentication-Results` are believed.
    pub authserv_ids: Vec<String>,
    /// The largest message taken, octets.
    pub max_size: usize,
}

/// `[mailbox.smtp]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmtpSettings {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// The name in the greeting.
    pub hostname: String,
    /// Certificate chain and key in PEM, for STARTTLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address.
    pub per_address: usize,
    /// Domains whose ARC seals are believed.
    pub arc_sealers: Vec<String>,
}

/// `[dns]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DnsSettings {
    /// Whom to ask; none: the system's.
    pub servers: Vec<SocketAddr>,
    /// A file of DNSKEY records to trust instead of the root's, for DANE.
    pub trust_anchor: Option<PathBuf>,
}

/// Where LMTP listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LmtpListen {
    /// A Unix socket.
    Unix(PathBuf),
    /// A loopback port.
    Tcp(IpAddr, u16),
}
