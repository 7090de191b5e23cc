//! Who we are: by password (AUTHENTICATE PLAIN, RFC 4616, or LOGIN) or by token (XOAUTH2). Only over TLS or on loopback:
//! `connect` sees to that before it calls here.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::response::{Answer, Status};
use super::session::{Part, Session, refused};
use super::trouble::{Step, Trouble};
use crate::config::{Login, LoginSecret};
use crate::mail::transport::token;

/// Logs in, and asks anew what the server can do.
pub(super) async fn login(session: &mut Session, who: &Login) -> Result<(), Trouble> {
    let answer = match &who.secret {
        LoginSecret::Password(password) => by_password(session, &who.user, password).await?,
        LoginSecret::Command(words) => {
            // Asked first what it takes: a token that can't be used is not fetched.
            if !session.can.has("AUTH=XOAUTH2") {
                return Err(Trouble::NoLogin);
            }
            let token = token(words).await.map_err(Trouble::Token)?;
            by_token(session, &who.user, &token).await?
        }
    };
    match answer.status {
        Status::Ok => session.capability().await,
        _ if answer.is_passing() => Err(refused(Step::Login, &answer)),
        _ => {
            let code = answer.word().map(str::to_owned);
            Err(match who.secret {
                LoginSecret::Password(_) => Trouble::WrongPassword(code),
                LoginSecret::Command(_) => Trouble::WrongToken(code),
            })
        }
    }
}

async fn by_password(session: &mut Session, user: &str, password: &str) -> Result<Answer, Trouble> {
    if session.can.has("AUTH=PLAIN") {
        let words = Zeroizing::new(format!("\0{user}\0{password}"));
        return authenticate(session, "PLAIN", &words).await;
    }
    if session.can.has("LOGINDISABLED") {
        return Err(Trouble::NoLogin);
    }
    session.run(Step::Login, &[Part::Text("LOGIN "), Part::String(user), Part::Text(" "), Part::String(password)], 0, |_| {}).await
}

async fn by_token(session: &mut Session, user: &str, token: &str) -> Result<Answer, Trouble> {
    let words = Zeroizing::new(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"));
    authenticate(session, "XOAUTH2", &words).await
}

/// One mechanism with one thing to say, with the command itself where the server allows it (SASL-IR, RFC 4959).
async fn authenticate(session: &mut Session, mechanism: &str, words: &str) -> Result<Answer, Trouble> {
    let first = Zeroizing::new(BASE64.encode(words.as_bytes()));
    let at_once = session.can.has("SASL-IR");
    let command =
        Zeroizing::new(if at_once { format!("AUTHENTICATE {mechanism} {}", *first) } else { format!("AUTHENTICATE {mechanism}") });
    let (tag, mut open) = session.begin_open(Step::Login, &command).await?;
    if !at_once && open.is_ok() {
        session.say(Step::Login, &first).await?;
        open = session.until_continue(Step::Login, &tag).await?;
    }
    match open {
        Err(answer) => Ok(answer),
        // A further `+` says what was wrong with a token, in JSON; an empty line asks for the answer itself.
        Ok(()) => {
            session.say(Step::Login, "").await?;
            session.finish(Step::Login, &tag, 0, &mut |_| {}).await
        }
    }
}
