//! A real Knot DNS with a root of its own that it signs, `example` signed below it, and `unsigned.example` that is not: names that
//! DNSSEC vouches for, and, by a file that was changed behind the signatures, names that it does not.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::program;

/// A running Knot; dropped, it ends.
pub struct Knot {
    dir: TempDir,
    at: SocketAddr,
    process: Option<(Child, BufReader<ChildStdout>)>,
    denial: Denial,
}

/// How it proves that there is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denial {
    /// RFC 4034.
    Nsec,
    /// RFC 5155, without a word on delegations that are not signed, as most top-level domains have it.
    Nsec3,
}

const CONFIG: &str = r#"
server:
  listen: 127.0.0.53@{port}
  rundir: {dir}
database:
  storage: {dir}
log:
  - target: stdout
    any: info
policy:
  - id: root
    algorithm: ecdsap256sha256
    single-type-signing: on
  - id: test
    algorithm: ecdsap256sha256
    single-type-signing: on
    cds-cdnskey-publish: always
    nsec3: {nsec3}
    nsec3-opt-out: {nsec3}
template:
  - id: default
    storage: {dir}
    zonefile-load: whole
    journal-content: none
zone:
  - domain: .
    file: root.zone
    dnssec-signing: {signing}
    dnssec-policy: root
  - domain: example.
    file: example.zone
    dnssec-signing: {signing}
    dnssec-policy: test
  - domain: unsigned.example.
    file: unsigned.zone
"#;
const HEAD: &str = "@ 60 SOA ns. host. 1 3600 600 86400 60\n@ 60 NS ns.\n";

impl Knot {
    /// Signs the root and `example` with these records, and starts nothing. `unsigned`: the records of the zone below it. `None`: there is
    /// no Knot here.
    pub fn sign(example: &str, unsigned: &str, denial: Denial) -> Option<Self> {
        program("knotd", "knot")?;
        program("kdig", "knot-dnsutils")?;
        let dir = tempfile::Builder::new().prefix("knot-").tempdir().unwrap();
        let mut knot = Self { dir, at: free(), process: None, denial };
        let root = format!("{HEAD}ns. 60 A 127.0.0.53\nexample. 60 NS ns.\n");
        fs::write(knot.path("root.zone"), &root).unwrap();
        fs::write(knot.path("example.zone"), format!("{HEAD}unsigned.example. 60 NS ns.\n{example}")).unwrap();
        fs::write(knot.path("unsigned.zone"), format!("{HEAD}{unsigned}")).unwrap();
        knot.run("on");
        // What the child says of its key is what the parent has to say (RFC 7344).
        let ds = knot.dig("example.", "CDS").replace("CDS", "DS");
        knot.stop();
        fs::write(knot.path("root.zone"), root + &ds).unwrap();
        knot.run("on");
        fs::write(knot.path("anchor"), knot.dig(".", "DNSKEY")).unwrap();
        knot.stop();
        let zone = fs::read_to_string(knot.path("example.zone")).unwrap();
        assert_eq!(zone.contains("NSEC3PARAM"), denial == Denial::Nsec3, "{zone}");
        Some(knot)
    }

    fn dig(&self, name: &str, kind: &str) -> String {
        let mut dig = Command::new(program("kdig", "knot-dnsutils").unwrap());
        dig.args(["@127.0.0.53", "-p", &self.at.port().to_string(), "+tcp", "+noall", "+answer", name, kind]);
        let said = String::from_utf8(dig.output().unwrap().stdout).unwrap();
        let records: Vec<&str> = said.lines().filter(|line| line.contains(kind) && !line.starts_with(';')).collect();
        assert!(!records.is_empty(), "no {kind} of {name}: {said}");
        records.join("\n") + "\n"
    }

    /// Changes the zone file behind the signatures.
    pub fn forge(&self, old: &str, new: &str) {
        let zone = fs::read_to_string(self.path("example.zone")).unwrap();
        let forged: Vec<String> = zone.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let forged = forged.join("\n") + "\n";
        assert!(forged.contains(old), "no {old} in {forged}");
        fs::write(self.path("example.zone"), forged.replace(old, new)).unwrap();
    }

    /// Answers from now on.
    pub fn start(&mut self) {
        self.run("off");
    }

    /// Where it answers.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// The file with the root's keys.
    pub fn anchor(&self) -> PathBuf {
        self.path("anchor")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&mut self, signing: &str) {
        let config = CONFIG.replace("{dir}", &self.dir.path().display().to_string()).replace("{signing}", signing);
        let config = config.replace("{nsec3}", if self.denial == Denial::Nsec3 { "on" } else { "off" });
        fs::write(self.path("knot.conf"), config.replace("{port}", &self.at.port().to_string())).unwrap();
        let mut command = Command::new(program("knotd", "knot").unwrap());
        command.arg("-c").arg(self.path("knot.conf")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("server started") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "knotd ended: {said}");
        }
        self.process = Some((child, lines));
    }

    fn stop(&mut self) {
        let Some((mut child, mut lines)) = self.process.take() else { return };
        let _ = kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) {}
        let _ = child.wait();
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address where both UDP and TCP are free. Nobody else listens at 127.0.0.53.
fn free() -> SocketAddr {
    loop {
        let at = UdpSocket::bind("127.0.0.53:0").unwrap().local_addr().unwrap();
        if TcpListener::bind(at).is_ok() {
            return at;
        }
    }
}
