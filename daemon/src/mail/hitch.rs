//! Why a connection to a next hop does not come about, sorted by what would have to be done.

/// What stopped it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// The host's name is not known.
    Name,
    /// Nobody answers at its address and port.
    Connection,
    /// It does not greet us.
    Silent,
    /// It turned us away before we had said anything.
    Welcome,
    /// It does not offer the TLS that is required.
    NoTls,
    /// Its certificate is past its time, or before it.
    Expired,
    /// Its certificate is for another name.
    OtherName,
    /// Nobody who is trusted vouches for its certificate.
    Untrusted,
    /// TLS did not come about for another reason.
    Tls,
    /// It does not take the user and the password or token.
    Login,
    /// It offers no way to log in that we know.
    NoLogin,
    /// The program that makes the token failed.
    Token,
    /// Something else.
    Other,
}

/// What was met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hitch {
    /// For the cure.
    pub obstacle: Obstacle,
    /// Where it was and what happened, with the server's words where it gave any: from outside, not for the log.
    pub detail: String,
}
