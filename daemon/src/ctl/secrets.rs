//! `resetctl inspect | redeem`: the secret comes by standard input, never as an argument that `ps` would show.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use resetd_core::time::Timestamp;
use zeroize::Zeroizing;

use super::errand::{Asked, Errand};
use super::failure::Failure;
use super::screen::{clean, span, when};
use super::table::Sheet;
use crate::ambient::{Clock, SystemClock};
use crate::wire::{Good, Presented, Secret};

#[derive(Args)]
pub(super) struct Typed {
    /// Where the code was typed
    #[arg(long, requires = "account")]
    pub(super) portal: Option<String>,
    /// For which account
    #[arg(long, requires = "portal")]
    pub(super) account: Option<String>,
}

/// Longest line that is taken for a secret, octets.
const LINE_MAX: usize = 4096;

/// Reads a secret and presents it: `verb` is `inspect` or `redeem`.
pub(super) async fn present(errand: &Errand, verb: &str, typed: Typed) -> Result<(), Failure> {
    let is_code = typed.portal.is_some();
    let secret = Some(Secret(read(if is_code { "Code: " } else { "Token: " })?));
    let presented = match is_code {
        true => Presented { token: None, portal: typed.portal, account: typed.account, code: secret, client: None },
        false => Presented { token: secret, ..Presented::default() },
    };
    let body = serde_json::to_value(&presented).map_err(|error| Failure::Failed(error.to_string()))?;
    let asked: Asked<Good> = errand.ask("POST", &format!("/v1/resets/{verb}"), Some(&body)).await?;
    errand.show(&asked, |good, screen| {
        let mut sheet = Sheet::new();
        sheet
            .line("reset", good.reset.to_string())
            .line("portal", good.portal.clone())
            .line("account", good.account.as_deref().map_or_else(|| "—".to_owned(), clean))
            .line("expires", expires(good.expires_at));
        format!("{}\n{}", screen.style(if verb == "redeem" { "redeemed" } else { "good" }, "1;32"), sheet.render(screen))
    })
}

fn expires(at: Timestamp) -> String {
    format!("{} (in {})", when(at), span(SystemClock.now(), at))
}

/// A line of standard input; on a terminal it is asked for and not shown.
fn read(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let input = io::stdin();
    let mut line = Zeroizing::new(String::new());
    if input.is_terminal() {
        let quiet = Quiet::begin()?;
        eprint!("{prompt}");
        io::stderr().flush()?;
        input.lock().read_line(&mut line)?;
        drop(quiet);
        eprintln!();
    } else {
        io::Read::take(&mut input.lock(), LINE_MAX as u64).read_line(&mut line)?;
    }
    let secret = Zeroizing::new(line.trim().to_owned());
    match secret.is_empty() {
        true => Err(Failure::Usage("standard input holds no token or code".into())),
        false => Ok(secret),
    }
}

/// A terminal that does not show what is typed, until dropped.
struct Quiet(nix::sys::termios::Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0);
    }
}
