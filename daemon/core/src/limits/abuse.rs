//! Patterns of abuse that support is told of: one flag for each and portal, however long it goes on.

use super::Limit;

/// What somebody is up to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Abuse {
    /// Requests for one account, far over its limit.
    FloodAccount,
    /// Requests to one address, far over its limit.
    FloodAddress,
    /// Requests from one client IP, far over its limit.
    FloodIp,
    /// The portal's mails, or all mails, of the hour are used up.
    FloodPortal,
    /// Codes of one account are guessed.
    GuessAccount,
    /// Codes are guessed over many accounts.
    GuessCodes,
    /// Tokens are made up.
    GuessTokens,
    /// Answers come faster than anybody could read them.
    FloodAnswers,
    /// Bounces come in a flood: mails to many bad addresses, or somebody forges our sender.
    FloodBounces,
}

impl Abuse {
    /// Every pattern, in the order of the variants.
    pub const ALL: [Self; 9] = [
        Self::FloodAccount,
        Self::FloodAddress,
        Self::FloodIp,
        Self::FloodPortal,
        Self::GuessAccount,
        Self::GuessCodes,
        Self::GuessTokens,
        Self::FloodAnswers,
        Self::FloodBounces,
    ];

    /// The flag's `reason`, and the name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FloodAccount => "flood_account",
            Self::FloodAddress => "flood_address",
            Self::FloodIp => "flood_ip",
            Self::FloodPortal => "flood_portal",
            Self::GuessAccount => "guess_account",
            Self::GuessCodes => "guess_codes",
            Self::GuessTokens => "guess_tokens",
            Self::FloodAnswers => "flood_answers",
            Self::FloodBounces => "flood_bounces",
        }
    }

    /// Sightings of one subject (an account, an address, an IP) within an hour from which on a person is told; an
    /// impatient person, who asks ten times, must not be one.
    pub fn threshold(self) -> u64 {
        match self {
            Self::FloodAccount | Self::FloodAddress | Self::FloodIp | Self::GuessAccount => 20,
            Self::FloodPortal | Self::FloodAnswers => 1,
            Self::GuessCodes | Self::GuessTokens | Self::FloodBounces => 50,
        }
    }

    /// Sightings of many subjects together.
    pub fn threshold_of_all(self) -> u64 {
        self.threshold() * 10
    }

    /// What a request or a code that met `limit` is a sighting of.
    pub fn of(limit: Limit) -> Self {
        match limit {
            Limit::CoolDown | Limit::Account => Self::FloodAccount,
            Limit::Address => Self::FloodAddress,
            Limit::Ip => Self::FloodIp,
            Limit::Portal | Limit::All => Self::FloodPortal,
            Limit::Codes => Self::GuessAccount,
            Limit::CodesOfIp | Limit::CodesOfPortal => Self::GuessCodes,
        }
    }

    /// What happens, and what a person may do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::FloodAccount => {
                "Somebody asks for mails for an account again and again. Its owner keeps getting one that is good; nothing is lost."
            }
            Self::FloodAddress => {
                "Somebody asks for mails to an address again and again. Its owner keeps getting one that is good; nothing is lost."
            }
            Self::FloodIp => {
                "One client IP asks for many accounts. Is it a proxy of yours? Then the application passes the wrong client.ip. Else block it at the web server."
            }
            Self::FloodPortal => {
                "The hour's mails are used up; what is left is kept for clients that have not asked before. Is it an attack? Put a challenge before the form. Else raise the limit."
            }
            Self::GuessAccount => "Somebody tries codes of an account. Codes of it are locked; its owner gets links instead.",
            Self::GuessCodes => "Somebody tries codes over many accounts. Over the limit codes are locked, and mails carry links instead.",
            Self::GuessTokens => "Somebody makes up tokens. None can be guessed; block the client at the web server.",
            Self::FloodAnswers => {
                "More answers come than anybody could read, most without proof. Each is a note here instead of a flag of its own. What is proven is acted on as ever."
            }
            Self::FloodBounces => {
                "Bounces come in a flood. Are the addresses bad, or the sender's good name lost? Or does somebody forge your sender (see DMARC)?"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_and_pattern_has_its_place() {
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index);
        }
        for (index, abuse) in Abuse::ALL.into_iter().enumerate() {
            assert_eq!(abuse as usize, index);
            assert!(Abuse::ALL.iter().filter(|other| other.as_str() == abuse.as_str()).count() == 1);
        }
    }
}
