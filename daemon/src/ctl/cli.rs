//! The command line of `resetctl`: its commands; what each takes stands beside what it does. Its help teaches: every command has a
//! sentence and an example.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::config::ConfigCommand;
use super::data::{AuditCommand, Forget, KeysCommand, Whom};
use super::dkim::DkimCommand;
use super::doctor::Examine;
use super::events::Events;
use super::flags::FlagsCommand;
use super::inbound::InboundCommand;
use super::queue::{HoldsCommand, QueueCommand};
use super::resets::NewReset;
use super::restore::Restore;
use super::secrets::Typed;
use super::setup::Setup;
use super::templates::TemplatesCommand;

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
