//! A real Knot DNS with a root of its own that it signs: names that DNSSEC vouches for, and, by a file that was changed behind the
//! signatures, names that it does not.

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
  - id: test
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: {dir}
    zonefile-load: whole
    journal-content: none
zone:
  - domain: .
    file: root.zone
    dnssec-signing: {signing}
    dnssec-policy: test
  - domain: unsigned.
    file: unsigned.zone
"#;
const HEAD: &str = "@ 60 SOA ns. host. 1 3600 600 86400 60\n@ 60 NS ns.\n";

impl Knot {
    /// Signs `root`, and starts nothing. `unsigned`: the records of the zone of that name. `None`: there is no Knot here.
    pub fn sign(root: &str, unsigned: &str) -> Option<Self> {
        program("knotd", "knot")?;
        program("kdig", "knot-dnsutils")?;
        let at = free();
        let dir = tempfile::Builder::new().prefix("knot-").tempdir().unwrap();
        let mut knot = Self { dir, at, process: None };
        fs::write(knot.path("root.zone"), format!("{HEAD}ns. 60 A 127.0.0.53\nunsigned. 60 NS ns.\n{root}")).unwrap();
        fs::write(knot.path("unsigned.zone"), format!("{HEAD}{unsigned}")).unwrap();
        knot.run("on");
        let mut dig = Command::new(program("kdig", "knot-dnsutils").unwrap());
        dig.args(["@127.0.0.53", "-p", &at.port().to_string(), "+tcp", "+noall", "+answer", ".", "DNSKEY"]);
        let said = String::from_utf8(dig.output().unwrap().stdout).unwrap();
        let keys: Vec<&str> = said.lines().filter(|line| line.contains("DNSKEY") && !line.starts_with(';')).collect();
        assert!(!keys.is_empty(), "{said}");
        fs::write(knot.path("anchor"), keys.join("\n") + "\n").unwrap();
        knot.stop();
        Some(knot)
    }

    /// Changes the zone file behind the signatures.
    pub fn forge(&self, old: &str, new: &str) {
        let zone = fs::read_to_string(self.path("root.zone")).unwrap();
        let forged: Vec<String> = zone.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let forged = forged.join("\n") + "\n";
        assert!(forged.contains(old), "no {old} in {forged}");
        fs::write(self.path("root.zone"), forged.replace(old, new)).unwrap();
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
