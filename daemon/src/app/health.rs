//! What the machine says of the daemon: disk, memory, descriptors, and when the certificate of its SMTP listener ends. Looked at when
//! somebody asks; what can't be told is left out.

use std::path::Path;
use std::time::Duration;

use resetd_core::time::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::Settings;

/// Below this, or a twentieth of the disk's size, the disk is called short.
const DISK_SHORT: u64 = 512 * 1024 * 1024;
/// So long before its end a certificate is called old.
const CERTIFICATE_OLD: Duration = Duration::from_secs(7 * 86_400);

/// What was found.
#[derive(Default)]
pub(super) struct Health {
    pub disk_free: Option<u64>,
    pub database: Option<u64>,
    pub memory: Option<u64>,
    pub descriptors: Option<u64>,
    pub descriptors_max: Option<u64>,
    pub certificate_end: Option<Timestamp>,
}

impl Health {
    /// Looks now. Blocking: a few files are read.
    pub fn look(settings: &Settings) -> Self {
        let state = &settings.store.state_dir;
        let size = |name: &str| std::fs::metadata(state.join(name)).map(|about| about.len()).ok();
        let disk = nix::sys::statvfs::statvfs(state.as_path()).ok();
        let certificate = settings.mailbox.smtp.as_ref().and_then(|smtp| smtp.tls.as_ref()).map(|(certificate, _)| certificate);
        Self {
            disk_free: disk.map(|disk| disk.blocks_available() * disk.fragment_size()),
            database: size("resetd.db").map(|file| file + size("resetd.db-wal").unwrap_or(0)),
            memory: resident(),
            // The one that reads the folder is among them.
            descriptors: std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as u64),
            descriptors_max: nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft),
            certificate_end: certificate.and_then(|path| end_of(path)),
        }
    }

    /// What needs a person's hand.
    pub fn problems(&self, settings: &Settings, now: Timestamp) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(free) = self.disk_free.filter(|free| *free < DISK_SHORT) {
            let place = settings.store.state_dir.display();
            problems.push(format!("the disk of {place} has {} MiB left: make room, a full disk stops new requests", free / 1_048_576));
        }
        if let Some((used, max)) = self.descriptors.zip(self.descriptors_max).filter(|(used, max)| used * 10 > max * 9) {
            problems.push(format!("{used} of {max} file descriptors are in use: raise LimitNOFILE of the unit"));
        }
        match self.certificate_end {
            Some(end) if end <= now => {
                problems.push(format!("the SMTP listener's certificate has ended at {end}: put a new one in its place"))
            }
            Some(end) if end <= now + CERTIFICATE_OLD => {
                problems.push(format!("the SMTP listener's certificate ends at {end}: put a new one in its place, no restart is needed"));
            }
            _ => {}
        }
        problems
    }
}

fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

fn end_of(path: &Path) -> Option<Timestamp> {
    let first = CertificateDer::pem_file_iter(path).ok()?.next()?.ok()?;
    not_after(&first)
}

/// `notAfter` of a certificate (RFC 5280 §4.1): Certificate > tbsCertificate > [version], serial, algorithm, issuer, validity.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate, _) = element(der)?;
    let (_, mut tbs, _) = element(certificate)?;
    if tbs.first() == Some(&0xa0) {
        tbs = element(tbs)?.2;
    }
    for _ in 0..3 {
        tbs = element(tbs)?.2;
    }
    let (_, validity, _) = element(tbs)?;
    let (tag, end, _) = element(element(validity)?.2)?;
    let text = std::str::from_utf8(end).ok()?;
    // UTCTime has two digits for a year from 1950 to 2049.
    let text = match tag {
        0x17 if text.get(..2)? >= "50" => format!("19{text}"),
        0x17 => format!("20{text}"),
        _ => text.to_owned(),
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let written = format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?);
    Timestamp::parse(&written)
}

/// Tag, content and what follows, of the first DER element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&short, mut rest) = rest.split_first()?;
    let mut length = usize::from(short);
    if short > 0x80 {
        let (digits, after) = rest.split_at_checked(usize::from(short & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificates_end_is_read() {
        let time = |text: &[u8]| [&[0x17, text.len() as u8], text].concat();
        let seq = |tag: u8, body: &[u8]| [&[tag, body.len() as u8], body].concat();
        let validity = seq(0x30, &[time(b"260101000000Z"), time(b"271231235959Z")].concat());
        let tbs = seq(0x30, &[seq(0xa0, &[2, 1, 2]), seq(2, &[1]), seq(0x30, &[]), seq(0x30, &[]), validity].concat());
        let certificate = seq(0x30, &tbs);
        assert_eq!(not_after(&certificate), Timestamp::parse("2027-12-31T23:59:59Z"));
        for cut in 0..certificate.len() {
            not_after(&certificate[..cut]);
        }
    }

    #[test]
    fn a_short_disk_is_a_problem_and_the_process_is_seen() {
        assert!(resident().is_some_and(|octets| octets > 100_000));
    }
}
