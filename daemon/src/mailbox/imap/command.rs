//! The token for XOAUTH2, from a program that the administrator named. Run without a shell, with nothing on its standard
//! input, bounded in time and output; what it says is never logged.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

use super::trouble::Trouble;

/// Refreshing a token is one HTTPS request.
const TIME: Duration = Duration::from_secs(30);
/// Tokens have a few thousand octets.
const SIZE_MAX: u64 = 16_384;

/// Runs it; gives its first and only line.
pub(super) async fn token(words: &[String]) -> Result<Zeroizing<String>, Trouble> {
    let [program, arguments @ ..] = words else { return Err(Trouble::Token("is empty")) };
    let mut command = tokio::process::Command::new(program);
    command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_PID").env_remove("WATCHDOG_USEC");
    // Its words to standard error go to the journal with ours.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let work = async {
        let mut child = command.spawn().map_err(|_| Trouble::Token("can't be run: is it there, and may the daemon's user run it?"))?;
        let mut said = Zeroizing::new(Vec::with_capacity(4096));
        if let Some(out) = child.stdout.take() {
            let read = out.take(SIZE_MAX + 1).read_to_end(&mut said).await;
            read.map_err(|_| Trouble::Token("broke off while it spoke"))?;
        }
        if said.len() as u64 > SIZE_MAX {
            return Err(Trouble::Token("says more than 16 KiB: must print a token and nothing else"));
        }
        let status = child.wait().await.map_err(|_| Trouble::Token("can't be waited for"))?;
        if !status.success() {
            return Err(Trouble::Token("ended with an error; it may have said why in the journal"));
        }
        Ok(said)
    };
    let said = tokio::time::timeout(TIME, work).await.map_err(|_| Trouble::Token("did not end within 30 seconds and was killed"))??;
    let line = std::str::from_utf8(&said).unwrap_or_default().trim();
    // What goes between the \x01 of XOAUTH2 (RFC 6750 §2.1) has no blanks or controls.
    if line.is_empty() || !line.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(Trouble::Token("must print one line with the token, and printed something else"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        token(&words).await.map(|token| token.to_string()).map_err(|trouble| trouble.to_string())
    }

    #[tokio::test]
    async fn a_token_is_one_line() {
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
