//! `resetctl dkim`: keys that sign mails, and the DNS records that publish them. Needs no daemon.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::errand::Errand;
use super::failure::Failure;
use super::screen::Screen;
use crate::ambient::SystemEntropy;
use crate::config::DkimKey;
use crate::mail::dkim;

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

/// A key that is kept.
pub(super) struct Kept {
    pub(super) file: PathBuf,
    algorithm: dkim::Algorithm,
    pub(super) selector: String,
    pub(super) record: dkim::Record,
}

/// Makes keys, keeps them, and prints what to publish and to configure.
pub(super) fn generate(errand: &Errand, ask: &Generate) -> Result<(), Failure> {
    let kept = make(ask)?;
    match errand.json {
        true => errand.screen.print(&json!({ "items": kept.iter().map(|one| one.json(&ask.domain)).collect::<Vec<_>>() }).to_string()),
        false => errand.screen.print(&instructions(&kept, &ask.domain, errand.screen)),
    }
}

/// Makes keys and keeps them. All or none: a key is never left behind alone.
pub(super) fn make(ask: &Generate) -> Result<Vec<Kept>, Failure> {
    let entropy = SystemEntropy::new();
    let make = |(algorithm, end): (dkim::Algorithm, &str)| -> Result<(Kept, dkim::Generated), dkim::DkimError> {
        let selector = format!("{}{end}", ask.selector);
        let made = dkim::generate(&ask.domain, &selector, algorithm, &entropy)?;
        Ok((Kept { file: named(&ask.out, end), algorithm, selector, record: made.record.clone() }, made))
    };
    let wanted: &[(dkim::Algorithm, &str)] = match ask.algorithm {
        Algorithms::Rsa => &[(dkim::Algorithm::Rsa, "")],
        Algorithms::Ed25519 => &[(dkim::Algorithm::Ed25519, "")],
        Algorithms::Both => &[(dkim::Algorithm::Rsa, "-rsa"), (dkim::Algorithm::Ed25519, "-ed")],
    };
    let made: Vec<(Kept, dkim::Generated)> = wanted.iter().copied().map(make).collect::<Result<_, _>>().map_err(refused)?;
    keep(&made)?;
    Ok(made.into_iter().map(|(kept, _)| kept).collect())
}

/// Prints the record of a key that is there.
pub(super) fn record(errand: &Errand, ask: &Publish) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", ask.key.display()));
    let pem = Zeroizing::new(std::fs::read_to_string(&ask.key).map_err(failed)?);
    let record = dkim::publish(&DkimKey { domain: ask.domain.clone(), selector: ask.selector.clone(), pem }).map_err(refused)?;
    match errand.json {
        true => errand.screen.print(&json!({ "name": record.name, "type": "TXT", "value": record.value }).to_string()),
        false => errand.screen.print(&publishing(&[&record], errand.screen)),
    }
}

fn refused(error: dkim::DkimError) -> Failure {
    Failure::Usage(error.to_string())
}

/// `dkim.pem` with `-rsa` is `dkim-rsa.pem`.
fn named(out: &Path, end: &str) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let extension = out.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    if end.is_empty() { out.to_owned() } else { out.with_file_name(format!("{stem}{end}{extension}")) }
}

/// Writes every key to a file of its own that was not there; where one can't be, none of them stays.
fn keep(made: &[(Kept, dkim::Generated)]) -> Result<(), Failure> {
    let mut begun = Vec::new();
    let all = made.iter().try_for_each(|(kept, generated)| {
        let failed = |error| Failure::Failed(format!("{}: {error}", kept.file.display()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&kept.file).map_err(failed)?;
        begun.push(&kept.file);
        file.write_all(generated.pem.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        // The name must last as long as the record that is published for it.
        let folder = kept.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    });
    if all.is_err() {
        begun.into_iter().for_each(|file| drop(std::fs::remove_file(file)));
    }
    all
}

impl Kept {
    fn json(&self, domain: &str) -> Value {
        let algorithm = match self.algorithm {
            dkim::Algorithm::Rsa => "rsa",
            dkim::Algorithm::Ed25519 => "ed25519",
        };
        json!({
            "file": self.file, "algorithm": algorithm, "domain": domain, "selector": self.selector,
            "name": self.record.name, "type": "TXT", "value": self.record.value,
        })
    }
}

fn instructions(kept: &[Kept], domain: &str, screen: Screen) -> String {
    let files: Vec<String> = kept.iter().map(|one| one.file.display().to_string()).collect();
    let records: Vec<&dkim::Record> = kept.iter().map(|one| &one.record).collect();
    let mut text = publishing(&records, screen);
    text.push_str(&format!(
        "\n{}\n\n",
        screen.bold("When the records can be seen, in the configuration (then `systemctl reload resetd`):")
    ));
    for one in kept {
        // The daemon has another working folder.
        let file = std::path::absolute(&one.file).unwrap_or_else(|_| one.file.clone());
        let file = file.display();
        text.push_str(&format!("[[sending.dkim]]\ndomain = \"{domain}\"\nselector = \"{}\"\nkey_file = \"{file}\"\n\n", one.selector));
    }
    text.push_str(&screen.dim(&format!(
        "Private: {}, mode 600. The daemon's user has to read them (`chown resetd`), or systemd hands them in (`credential`).\n",
        files.join(" and ")
    )));
    text.push_str(&screen.dim("`resetctl doctor` says whether what is published fits the key.\n"));
    text
}

/// Each record as a line of a zone file and as a form in the web wants it.
fn publishing(records: &[&dkim::Record], screen: Screen) -> String {
    let mut text = format!("{}\n\n", screen.bold("Publish in DNS; as lines of a zone file:"));
    for record in records {
        text.push_str(&format!("{}\n", record.zone_line()));
    }
    text.push_str(&format!("\n{}\n", screen.bold("or in a form of your provider, each value on one line:")));
    for record in records {
        text.push_str(&format!("\nname   {}\ntype   TXT\nvalue  {}\n", record.name, record.value));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_appended_stands_before_the_extension() {
        for (out, end, wanted) in [
            ("/etc/resetd/dkim.pem", "-rsa", "/etc/resetd/dkim-rsa.pem"),
            ("dkim", "-ed", "dkim-ed"),
            ("a.b/m.2026.pem", "-ed", "a.b/m.2026-ed.pem"),
            ("dkim.pem", "", "dkim.pem"),
        ] {
            assert_eq!(named(Path::new(out), end), Path::new(wanted));
        }
    }

    fn made(file: PathBuf) -> (Kept, dkim::Generated) {
        let generated = dkim::generate("a.example", "s", dkim::Algorithm::Ed25519, &SystemEntropy::new()).unwrap();
        (Kept { file, algorithm: dkim::Algorithm::Ed25519, selector: "s".into(), record: generated.record.clone() }, generated)
    }

    #[test]
    fn keys_are_private_never_replaced_and_all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::fs::write(&other, "mine").unwrap();
        assert!(keep(&[made(one.clone()), made(other.clone())]).is_err());
        assert!(!one.exists());
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "mine");
        std::fs::remove_file(&other).unwrap();
        assert!(keep(&[made(one.clone()), made(other.clone())]).is_ok());
        for file in [one, other] {
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
