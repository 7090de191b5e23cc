//! AUTH (RFC 4954). The mechanism is chosen here: mail-send tries several in turn, in clear too, and runs out of step with
//! those not compiled in. Tokens for XOAUTH2 come from a program that the administrator named.

use std::process::Stdio;
use std::time::Duration;

use mail_send::{Credentials, SmtpClient};
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, AUTH_XOAUTH2, EhloResponse};
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

use super::broken::{Broken, Cause, Phase, within};
use super::dial::Wire;
use crate::config::{Login, LoginSecret};

/// Refreshing a token is one HTTPS request.
const TOKEN_TIME: Duration = Duration::from_secs(30);
/// Tokens have a few thousand octets.
const TOKEN_MAX: u64 = 16_384;

/// Logs in, by one mechanism. Never called without TLS off loopback.
pub(super) async fn log_in(
    client: &mut SmtpClient<Wire>,
    offers: &EhloResponse<String>,
    login: &Login,
    limit: Duration,
) -> Result<(), Broken> {
    let (mechanisms, wanted): (&[u64], _) = match &login.secret {
        LoginSecret::Password(_) => (&[AUTH_PLAIN, AUTH_LOGIN], "the server offers neither PLAIN nor LOGIN"),
        LoginSecret::Command(_) => (&[AUTH_XOAUTH2], "the server does not offer XOAUTH2"),
    };
    let mechanism = mechanisms.iter().find(|mechanism| offers.auth_mechanisms & **mechanism != 0);
    let Some(mechanism) = mechanism else { return Err(Broken::new(Phase::Login, Cause::Missing(wanted))) };
    let secret = match &login.secret {
        LoginSecret::Password(password) => password.clone(),
        LoginSecret::Command(words) => token(words).await.map_err(|why| Broken::new(Phase::Login, Cause::Token(why)))?,
    };
    let (username, secret) = (login.user.as_str(), secret.as_str());
    let credentials = match &login.secret {
        LoginSecret::Password(_) => Credentials::Plain { username, secret },
        LoginSecret::Command(_) => Credentials::XOauth2 { username, secret },
    };
    let only = EhloResponse { auth_mechanisms: *mechanism, ..EhloResponse::new(String::new()) };
    within(limit, Phase::Login, client.authenticate(&credentials, &only)).await?;
    Ok(())
}

/// Runs the program; gives its first and only line. Without a shell, with nothing on its standard input, bounded in time and
/// output; what it says is never logged. The error is the end of a sentence that begins with the setting's name.
pub(crate) async fn token(words: &[String]) -> Result<Zeroizing<String>, &'static str> {
    let [program, arguments @ ..] = words else { return Err("is empty") };
    let mut command = tokio::process::Command::new(program);
    command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_PID").env_remove("WATCHDOG_USEC");
    // Its words to standard error go to the journal with ours.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let work = async {
        let mut child = command.spawn().map_err(|_| "can't be run: is it there, and may the daemon's user run it?")?;
        let mut said = Zeroizing::new(Vec::with_capacity(4096));
        if let Some(out) = child.stdout.take() {
            out.take(TOKEN_MAX + 1).read_to_end(&mut said).await.map_err(|_| "broke off while it spoke")?;
        }
        if said.len() as u64 > TOKEN_MAX {
            return Err("says more than 16 KiB: must print a token and nothing else");
        }
        let status = child.wait().await.map_err(|_| "can't be waited for")?;
        if !status.success() {
            return Err("ended with an error; it may have said why in the journal");
        }
        Ok(said)
    };
    let said = tokio::time::timeout(TOKEN_TIME, work).await.map_err(|_| "did not end within 30 seconds and was killed")??;
    let line = std::str::from_utf8(&said).unwrap_or_default().trim();
    // What goes between the \x01 of XOAUTH2 (RFC 6750 §2.1) has no blanks or controls.
    if line.is_empty() || !line.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err("must print one line with the token, and printed something else");
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_one_line() {
        let run = async |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            token(&words).await.map(|token| token.to_string())
        };
        assert_eq!(run(&["/bin/echo", "ya29.a0-x~/+="]).await.as_deref(), Ok("ya29.a0-x~/+="));
        // No shell: what looks like one's language is an argument.
        assert_eq!(run(&["/bin/echo", "$HOME;id"]).await.as_deref(), Ok("$HOME;id"));
        for (words, why) in [
            (&["/bin/echo", "two words"][..], "must print one line"),
            (&["/bin/true"], "must print one line"),
            (&["/bin/false"], "ended with an error"),
            (&["/no/such/program"], "can't be run"),
            (&["/usr/bin/yes"], "more than 16 KiB"),
        ] {
            let said = run(words).await.unwrap_err();
            assert!(said.contains(why), "{words:?}: {said}");
        }
    }
}
