//! What proves to a server who we are: a password from a file or credential, or a token that a program prints.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::report::Report;
use super::secrets::{SecretFiles, SecretKeys};
use super::values::{Credential, Text, Word};

/// A user, and what proves that it is the one.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User.
    pub user: String,
    /// Password or token.
    pub secret: LoginSecret,
}

/// What proves it.
#[derive(Clone, PartialEq, Eq)]
pub enum LoginSecret {
    /// From a file or credential.
    Password(Zeroizing<String>),
    /// The program, with its arguments, that prints a token for XOAUTH2.
    Command(Vec<String>),
}

/// The keys of a table that can name one.
pub(super) struct LoginKeys {
    pub(super) file: Option<Text<PathBuf>>,
    pub(super) credential: Option<Text<Credential>>,
    pub(super) command: Option<Vec<Text<Word>>>,
}

impl LoginKeys {
    /// The one that stands in `table`, or nothing where the report says why.
    pub(super) fn check(self, table: &str, secrets: &SecretFiles<'_>, report: &mut Report<'_>) -> Option<LoginSecret> {
        let Self { file, credential, command } = self;
        let at = |key: &str| format!("{table}.{key}");
        if let Some(command) = command {
            if file.is_some() || credential.is_some() {
                report.value(&at("token_command"), "must not stand beside password_file or credential: one of them");
                return None;
            }
            return words(command, &at("token_command"), report);
        }
        if report.complained(&at("token_command")) {
            return None;
        }
        if file.is_none() && credential.is_none() && !report.complained(&at("password_file")) && !report.complained(&at("credential")) {
            report.key(table, "must have one of password_file, credential and token_command");
            return None;
        }
        let key = if credential.is_some() { "credential" } else { "password_file" };
        let password = secrets.read(SecretKeys { table: table.to_owned(), file_key: "password_file", file, credential }, report)?;
        if password.chars().any(char::is_control) {
            report.value(&at(key), "must be a file with one line, without control characters");
            return None;
        }
        Some(LoginSecret::Password(password))
    }
}

fn words(command: Vec<Text<Word>>, at: &str, report: &mut Report<'_>) -> Option<LoginSecret> {
    let words: Vec<String> = command.into_iter().map(|word| word.0.0).collect();
    let Some(program) = words.first().filter(|program| program.starts_with('/')) else {
        report.value(at, "must begin with the absolute path of a program, then its arguments, one text each");
        return None;
    };
    if !std::path::Path::new(program).is_file() {
        report.value(at, "must begin with a program, and there is none of that name");
        return None;
    }
    Some(LoginSecret::Command(words))
}
