//! The command line of `resetctl`. Its help teaches: every command has a sentence and an example.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(super) use super::setup::Setup;
use crate::config::DEFAULT_PATH;

/// The heading of the options that every command takes.
const ALWAYS: &str = "Options of every command";
const ABOUT: &str = "Ask a running resetd, and look after it.";
const AFTER: &str = "\
Examples:
  resetctl status                          is it well, and what needs a hand?
  resetctl flags list                      who says \"this wasn't me\"?
  resetctl show 01a209c9-3ebd-…            one reset, with everything that happened to it
  resetctl doctor                          look at everything, and say the cure

Secrets never stand on a command line: `inspect` and `redeem` read them from standard input.
Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the daemon can't be reached.
`resetctl COMMAND --help` says more about each command.";

/// The description of the command line, for completions and manual pages.
pub fn command() -> clap::Command {
    Cli::command()
}

#[derive(Parser)]
#[command(name = "resetctl", version, about = ABOUT, after_help = AFTER, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Args)]
pub(super) struct Global {
    /// The daemon's socket [default: /run/resetd/resetd.sock]
    #[arg(long, global = true, value_name = "PATH", env = "RESETD_SOCKET", hide_env_values = true, help_heading = ALWAYS)]
    pub(super) socket: Option<PathBuf>,
    /// Print the API's own JSON, for programs
    #[arg(long, global = true, help_heading = ALWAYS)]
    pub(super) json: bool,
    /// Colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto, help_heading = ALWAYS)]
    pub(super) color: Color,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Color {
    // On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// How the daemon is doing, and what needs a person's hand
    #[command(after_help = "Example:\n  resetctl status")]
    Status,
    /// Ask for a reset, as an application does
    ///
    /// The answer is the same whatever is known of account and address; `resetctl show ID` tells what became of it.
    #[command(after_help = "Example:\n  resetctl request --portal shop --account u-1842 --email ann@example.org --name 'Ann Other'")]
    Request(Box<NewReset>),
    /// Show a reset and its timeline
    #[command(after_help = "Example:\n  resetctl show 01a209c9-3ebd-7164-aa73-ad1fcf87af41")]
    Show {
        /// The reset's id
        id: String,
    },
    /// Ask whether a token or code is good, without using it
    #[command(after_help = TYPED)]
    Inspect(Typed),
    /// Use a token or code: good once
    #[command(after_help = TYPED)]
    Redeem(Typed),
    /// Take a reset back: its link and code are dead from then on
    #[command(after_help = "Example:\n  resetctl revoke 01a209c9-3ebd-7164-aa73-ad1fcf87af41")]
    Revoke {
        /// The reset's id
        id: String,
    },
    /// Say that the password was changed: the person gets a notice
    #[command(after_help = "Example:\n  resetctl completed 01a209c9-3ebd-7164-aa73-ad1fcf87af41")]
    Completed {
        /// The reset's id
        id: String,
    },
    /// Everything that happens, oldest first
    #[command(
        after_help = "Examples:\n  resetctl events --follow                 from now on, until Ctrl-C\n  resetctl events --follow --after 1200    what came behind line 1200, and from then on"
    )]
    Events(Events),
    /// Cases for support: who says that it wasn't them
    #[command(subcommand)]
    Flags(FlagsCommand),
    /// Mails that wait
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Addresses that get no mail for a while after a hard bounce
    #[command(subcommand)]
    Holds(HoldsCommand),
    /// Wordings: list, check one's own, look at one
    #[command(subcommand)]
    Templates(TemplatesCommand),
    /// Messages that people send back: classify them, explain one, hand one in
    #[command(subcommand)]
    Inbound(InboundCommand),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// From nothing to the first real reset: five questions, a configuration, DNS records, a test mail
    ///
    /// Asks what is not given, each with a proposal; writes the configuration with every key explained, and DKIM keys; prints the DNS
    /// records to publish and the commands that are left; with --send-to, sends a real mail and waits for the answer to it. A configuration
    /// that has a portal is never changed: then only the test mail is left to do.
    #[command(
        after_help = "Examples:\n  sudo resetctl setup\n  sudo resetctl setup --title 'Example Shop' --domain shop.example --out 127.0.0.1 --replies lmtp --user www-data\n  sudo resetctl setup --send-to you@example.org"
    )]
    Setup(Box<Setup>),
    /// Look at everything that resetd depends on, and say the cure
    ///
    /// Here: configuration, wordings, state folder, disk, mailboxes, clock. By the running daemon, from its own place: the relay's TLS and
    /// login, or port 25, reverse DNS and DNSSEC; where replies and bounces go; SPF, DKIM and DMARC as receivers see them. Exit code 1
    /// where something fails.
    #[command(
        after_help = "Examples:\n  sudo resetctl doctor\n  sudo resetctl doctor --portal shop --send-to you@example.org    a real test mail, too"
    )]
    Doctor(Examine),
    /// Keys that sign mails
    #[command(subcommand)]
    Dkim(DkimCommand),
    /// Copy the database while the daemon runs, and try the copy out
    ///
    /// The daemon writes a consistent copy into `backups/` of its state folder, checks it, puts it back on trial, compares, and the path is
    /// printed. With FILE, the copy is moved there (mode 0600); that takes the right to read the daemon's folder. The root key is not in it.
    #[command(after_help = "Examples:\n  resetctl backup\n  sudo resetctl backup /var/backups/resetd.db")]
    Backup {
        /// Where the copy goes; it must not exist
        file: Option<PathBuf>,
    },
    /// Put a copy of the database back, while the daemon is stopped
    ///
    /// Every reset that was open in the copy ends when the daemon starts: nobody knows which of them were used or denied since. Who was
    /// erased since is erased again. A database that is there is kept beside the new one.
    #[command(
        after_help = "Example:\n  sudo systemctl stop resetd.service 'resetd*.socket'\n  sudo resetctl restore --replace /var/backups/resetd.db\n  sudo systemctl start resetd.socket resetd.service"
    )]
    Restore(Restore),
    /// Root keys: which there are, what needs them, and a new one
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The timeline as an audit log: whether every line is as it was written
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print all that is held about a person, as JSON; no secret is in it
    #[command(after_help = "Examples:\n  resetctl export ann@example.org > ann.json\n  resetctl export --portal shop u-1842")]
    Export(Whom),
    /// Erase all that is held about a person
    ///
    /// Account, name, address, IP, answers and the details of timelines go; states, times, counters and hashes stay. Open resets end.
    #[command(
        after_help = "Examples:\n  resetctl forget ann@example.org            only says what there is\n  resetctl forget --yes ann@example.org"
    )]
    Forget(Forget),
    /// Print the shell's completions
    #[command(after_help = "Example:\n  resetctl completions bash > /etc/bash_completion.d/resetctl")]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

const TYPED: &str = "\
The token is read from standard input; with --portal and --account, a code is. On a terminal it is asked for and not shown.

Examples:
  resetctl inspect < token.txt
  resetctl redeem --portal shop --account u-1842";

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

#[derive(Args)]
pub(super) struct Typed {
    /// Where the code was typed
    #[arg(long, requires = "account")]
    pub(super) portal: Option<String>,
    /// For which account
    #[arg(long, requires = "portal")]
    pub(super) account: Option<String>,
}

#[derive(Args)]
pub(super) struct Events {
    /// Go on with new lines until Ctrl-C
    #[arg(long, short)]
    pub(super) follow: bool,
    /// Only lines behind this one
    #[arg(long, value_name = "ID")]
    pub(super) after: Option<i64>,
    /// At most this many lines, 1 to 500
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    pub(super) limit: Option<u32>,
}

#[derive(Args)]
pub(super) struct Stretch {
    /// The cursor that the last list ended with
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
    /// At most this many, 1 to 500
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
}

#[derive(Subcommand)]
pub(super) enum FlagsCommand {
    /// List flags, newest first; open ones unless told otherwise
    #[command(after_help = "Examples:\n  resetctl flags list\n  resetctl flags list --state all --account u-1842")]
    List {
        /// Which
        #[arg(long, value_parser = ["open", "resolved", "all"], default_value = "open")]
        state: String,
        /// At least this severity
        #[arg(long, value_parser = ["low", "high", "critical"])]
        severity: Option<String>,
        /// Only of this portal
        #[arg(long)]
        portal: Option<String>,
        /// Only of this account
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        stretch: Stretch,
    },
    /// Show a flag and its notes
    #[command(after_help = "Example:\n  resetctl flags show 7")]
    Show {
        /// The flag's number
        id: i64,
    },
    /// Print the message behind a flag, with every link and code of ours struck out
    #[command(after_help = "Example:\n  resetctl flags message 7 > message.eml")]
    Message {
        /// The flag's number
        id: i64,
    },
    /// Close a flag
    #[command(after_help = "Example:\n  resetctl flags resolve 7 --outcome 'account secured' --note 'called her back'")]
    Resolve {
        /// The flag's number
        id: i64,
        /// What came of it, one word or a few
        #[arg(long)]
        outcome: String,
        /// More
        #[arg(long)]
        note: Option<String>,
        /// Who did it [default: $USER]
        #[arg(long)]
        by: Option<String>,
    },
    /// Print flags as they are raised, until Ctrl-C
    #[command(after_help = "Example:\n  resetctl flags watch")]
    Watch,
}

#[derive(Subcommand)]
pub(super) enum QueueCommand {
    /// List the mails that wait, the next due first
    #[command(after_help = "Example:\n  resetctl queue list")]
    List {
        #[command(flatten)]
        stretch: Stretch,
    },
    /// Show a mail and what the server said at each failed attempt
    #[command(after_help = "Example:\n  resetctl queue show 12")]
    Show {
        /// The mail's number
        id: i64,
    },
    /// Try a waiting mail now
    #[command(after_help = "Example:\n  resetctl queue retry 12")]
    Retry {
        /// The mail's number
        id: i64,
    },
    /// Take a waiting mail out of the queue; its reset ends as undeliverable
    #[command(after_help = "Example:\n  resetctl queue drop 12")]
    Drop {
        /// The mail's number
        id: i64,
    },
}

#[derive(Subcommand)]
pub(super) enum HoldsCommand {
    /// List the held addresses
    #[command(after_help = "Example:\n  resetctl holds list")]
    List {
        #[command(flatten)]
        stretch: Stretch,
    },
    /// Let an address have mail again
    #[command(after_help = "Example:\n  resetctl holds release 3")]
    Release {
        /// The hold's number
        id: i64,
    },
}

#[derive(Subcommand)]
pub(super) enum TemplatesCommand {
    /// List the wordings of the daemon and of each portal
    #[command(after_help = "Example:\n  resetctl templates list")]
    List,
    /// Check folders of one's own wordings against the rules; needs no daemon
    #[command(
        after_help = "Examples:\n  resetctl templates check ./wordings\n  resetctl templates check              those that the configuration names"
    )]
    Check {
        /// Folders; without any, those that the configuration names
        folders: Vec<PathBuf>,
        /// The configuration
        #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
        config: PathBuf,
    },
    /// Show a wording with made-up values, or write all of them on one page
    ///
    /// With --gallery, every wording in every language goes onto one HTML page that opens without a network; needs no daemon.
    #[command(
        after_help = "Examples:\n  resetctl templates preview shop easy\n  resetctl templates preview --gallery wordings.html\n  resetctl templates preview --gallery wordings.html --folder /etc/resetd/templates/shop"
    )]
    Preview {
        /// The portal
        #[arg(required_unless_present = "gallery", conflicts_with = "gallery")]
        portal: Option<String>,
        /// The wording
        #[arg(required_unless_present = "gallery", conflicts_with = "gallery")]
        wording: Option<String>,
        /// Write the page here
        #[arg(long, value_name = "FILE")]
        gallery: Option<PathBuf>,
        /// With the wordings of this folder put over the built-in ones
        #[arg(long, requires = "gallery")]
        folder: Option<PathBuf>,
        /// The language
        #[arg(long)]
        locale: Option<String>,
        /// What the mail holds
        #[arg(long, value_parser = ["link", "code", "both"])]
        method: Option<String>,
        /// Print the HTML part instead of the text
        #[arg(long)]
        html: bool,
    },
    /// Copy a wording into a folder, to edit it; needs no daemon
    #[command(after_help = "Example:\n  resetctl templates export easy /etc/resetd/templates/shop --locale en --locale de")]
    Export {
        /// The wording
        wording: String,
        /// Where to
        folder: PathBuf,
        /// Its sentences in this language too; may be given several times
        #[arg(long = "locale", value_name = "TAG")]
        locales: Vec<String>,
    },
    /// Show how the files of a folder differ from the built-in ones, and which of those changed since they were copied; needs no daemon
    #[command(after_help = "Example:\n  resetctl templates diff /etc/resetd/templates/shop")]
    Diff {
        /// The folder
        folder: PathBuf,
    },
}

#[derive(Subcommand)]
pub(super) enum InboundCommand {
    /// Say what messages are: kind, verdict, and what it rests on; needs no daemon
    #[command(
        after_help = "Examples:\n  resetctl inbound classify answer.eml\n  resetctl inbound classify --json ~/Maildir > found.jsonl\n  resetctl inbound classify old.mbox\n\nA message of an mbox is named FILE#3: the third. Exit code 1: something named could not be read; the rest was."
    )]
    Classify(Classify),
    /// Show why one message is taken for what it is: every sign that was seen, what was stripped, how sure the verdict; needs no daemon
    #[command(
        after_help = "Examples:\n  resetctl inbound explain answer.eml\n  resetctl inbound explain --root-key /var/lib/resetd/root-key - < answer.eml"
    )]
    Explain(Explain),
    /// Hand a message to the daemon, as if it had arrived at the mailbox
    #[command(after_help = "Example:\n  resetctl inbound ingest < message.eml")]
    Ingest {
        /// Files; without any, or for `-`, standard input
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
pub(super) struct Explain {
    /// The message, or `-` for standard input; of an mbox, its first message
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Believe the Authentication-Results of this server (RFC 8601); may be given again
    #[arg(long, value_name = "ID")]
    pub(super) authserv_id: Vec<String>,
    /// Check signed tags with the keys of this file
    #[arg(long, value_name = "FILE")]
    pub(super) root_key: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Classify {
    /// Files (an mbox too), folders (a Maildir too) with all that is in them, or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Believe the Authentication-Results of this server (RFC 8601); may be given again
    #[arg(long, value_name = "ID")]
    pub(super) authserv_id: Vec<String>,
    /// Check signed tags with the keys of this file
    #[arg(long, value_name = "FILE")]
    pub(super) root_key: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Say `ok`, or file, line and key of everything that is wrong; needs no daemon
    #[command(after_help = "Example:\n  resetctl config check /etc/resetd/resetd.toml")]
    Check {
        /// The configuration
        #[arg(default_value = DEFAULT_PATH)]
        file: PathBuf,
    },
}

#[derive(Subcommand)]
pub(super) enum DkimCommand {
    /// Make keys, and print the DNS records to publish and the lines for the configuration; needs no daemon
    ///
    /// By default one key of each kind: RSA is what every receiver verifies, Ed25519 is short and what they come to. With both, `-rsa` and
    /// `-ed` are appended to the selector and to the file's name.
    #[command(
        after_help = "Examples:\n  resetctl dkim generate --domain example.org --selector r2026 --out /etc/resetd/dkim.pem\n  resetctl dkim generate --domain example.org --selector r2026 --out dkim.pem --algorithm rsa"
    )]
    Generate(Generate),
    /// Print the DNS record of a key that is there; needs no daemon
    #[command(after_help = "Example:\n  resetctl dkim record --key /etc/resetd/dkim-rsa.pem --domain example.org --selector r2026-rsa")]
    Record(Publish),
}

#[derive(Args)]
pub(super) struct Restore {
    /// The copy
    pub(super) file: PathBuf,
    /// Put the database that is there aside; otherwise nothing is done where there is one
    #[arg(long)]
    pub(super) replace: bool,
    /// The configuration, which says where the state folder is
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    /// The state folder, where there is no configuration
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(super) state_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// List the root keys, and what still needs each
    #[command(after_help = "Example:\n  resetctl keys list")]
    List,
    /// Make a new key and put it in use; mails that are out stay good
    ///
    /// With --file, the key is put on top of that file, for a key that the daemon may not write (a credential, /etc); it takes a restart then.
    #[command(
        after_help = "Examples:\n  resetctl keys rotate\n  sudo resetctl keys rotate --file /etc/resetd/credentials/root.key && sudo systemctl restart resetd"
    )]
    Rotate {
        /// The key file, where it is not the daemon's; needs no daemon
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Print the end of the timeline's chain, to keep elsewhere
    #[command(after_help = "Example:\n  resetctl audit head >> /mnt/elsewhere/heads")]
    Head,
    /// Look through the timeline for lines that were altered, moved or taken out; exit code 1 where any is
    #[command(
        after_help = "Examples:\n  resetctl audit verify\n  resetctl audit verify --head 4711:5e0c3a1f9be24d0786a1c2d3e4f50617    and is that head still in it?"
    )]
    Verify {
        /// A head that was printed earlier
        #[arg(long, value_name = "LINE:LINK")]
        head: Option<String>,
    },
}

#[derive(Args)]
pub(super) struct Whom {
    /// The account or the address
    #[arg(value_name = "ACCOUNT|ADDRESS")]
    pub(super) who: String,
    /// At this portal only
    #[arg(long)]
    pub(super) portal: Option<String>,
}

#[derive(Args)]
pub(super) struct Forget {
    #[command(flatten)]
    pub(super) whom: Whom,
    /// Do it; without, only what there is is said
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Args)]
pub(super) struct Examine {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    /// Look at the domains of this portal only
    #[arg(long, value_name = "NAME")]
    pub(super) portal: Option<String>,
    /// Send a test mail to this address over the way that all mails take; with several portals, --portal says whose
    #[arg(long, value_name = "ADDRESS")]
    pub(super) send_to: Option<String>,
}

#[derive(Args)]
pub(super) struct Generate {
    /// The domain of the sender's address
    #[arg(long)]
    pub(super) domain: String,
    /// Names the key among those of the domain
    #[arg(long)]
    pub(super) selector: String,
    /// Where the private key goes (mode 0600); it must not exist
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// What the key signs with
    #[arg(long, value_enum, default_value_t = Algorithms::Both)]
    pub(super) algorithm: Algorithms,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Algorithms {
    Rsa,
    Ed25519,
    Both,
}

#[derive(Args)]
pub(super) struct Publish {
    /// The private key: PEM, RSA or Ed25519
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// The domain of the sender's address
    #[arg(long)]
    pub(super) domain: String,
    /// Names the key among those of the domain
    #[arg(long)]
    pub(super) selector: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_a_sentence_and_an_example() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let groups = command.get_subcommands().next().is_some();
            let example = command.get_after_help().is_some_and(|help| help.to_string().contains("resetctl"));
            assert!(groups || example, "{} has no example", command.get_name());
            command.get_subcommands().for_each(look);
        }
        command().get_subcommands().for_each(look);
    }

    #[test]
    fn no_secret_stands_on_the_command_line() {
        for line in [["resetctl", "redeem", "AQGiCck-vUIl1qE3q"], ["resetctl", "inspect", "--code=12345678"]] {
            assert!(Cli::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
