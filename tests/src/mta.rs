//! Real mail servers of the test's own: each takes mail on a port of its own and passes it on to a [`crate::Sink`]. Postfix is the
//! machine's; OpenSMTPD and Exim are unpacked by `tests/peers`, and see users and folders of their own in a mount namespace.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::{Sink, is_root, program};

/// Which one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Postfix.
    Postfix,
    /// OpenSMTPD.
    OpenSmtpd,
    /// Exim.
    Exim,
}

/// A running one; dropped, it ends.
pub struct Mta {
    kind: Kind,
    dir: TempDir,
    process: Child,
    port: u16,
}

const POSTFIX: &str = "compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
myhostname = localhost
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{next}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_tls_cert_file = {dir}/cert.pem
smtpd_tls_key_file = {dir}/key.pem
smtpd_tls_security_level = may
smtpd_relay_restrictions = permit_mynetworks, reject
";
/// Each service that the relay's path needs, none in a chroot.
const POSTFIX_SERVICES: [(&str, &str); 12] = [
    ("cleanup unix n - n - 0", "cleanup"),
    ("qmgr unix n - n 300 1", "qmgr"),
    ("rewrite unix - - n - -", "trivial-rewrite"),
    ("bounce unix - - n - 0", "bounce"),
    ("defer unix - - n - 0", "bounce"),
    ("trace unix - - n - 0", "bounce"),
    ("flush unix n - n 1000? 0", "flush"),
    ("proxymap unix - - n - -", "proxymap"),
    ("tlsmgr unix - - n 1000? 1", "tlsmgr"),
    ("smtp unix - - n - -", "smtp"),
    ("anvil unix - - n - 1", "anvil"),
    ("postlog unix-dgram n - n - 1", "postlogd"),
];
const OPENSMTPD: &str = "pki test cert \"{dir}/cert.pem\"
pki test key \"{dir}/key.pem\"
listen on 127.0.0.1 port {port} tls pki test hostname localhost
action \"on\" relay host smtp://127.0.0.1:{next}
match from any for any action \"on\"
";
const EXIM: &str = "exim_path = {peers}/usr/sbin/exim4
exim_user = nobody
exim_group = nogroup
never_users =
keep_environment =
spool_directory = {dir}/spool
log_file_path = {dir}/spool/%slog
primary_hostname = localhost
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
tls_advertise_hosts = *
chunking_advertise_hosts = *
dsn_advertise_hosts = *
pipelining_advertise_hosts = *
smtputf8_advertise_hosts = *
accept_8bitmime = true
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
on:
  driver = manualroute
  transport = smtp
  route_list = * 127.0.0.1 byname
  self = send
begin transports
smtp:
  driver = smtp
  port = {next}
  hosts_try_chunking =
";
/// Users, groups and folders that the packages would have made, for the server's eyes only.
const NAMESPACE: &str = "set -e
mount --make-rprivate /
cp /etc/passwd /etc/group {dir}
for user in opensmtpd opensmtpq Debian-exim; do
    number=$((number + 1))
    echo \"$user:x:5990$number:5990$number::/nonexistent:/usr/sbin/nologin\" >> {dir}/passwd
    echo \"$user:x:5990$number:\" >> {dir}/group
done
mount --bind {dir}/passwd /etc/passwd
mount --bind {dir}/group /etc/group
mount --bind {peers}/ld.so.cache /etc/ld.so.cache
for folder in /var/spool /var/lib /run; do mount -t tmpfs none $folder; done
mkdir -p /var/lib/opensmtpd/empty
mkdir -m 711 /var/spool/smtpd
exec \"$@\"
";

impl Mta {
    /// Starts one that passes everything on to `next`. `None`: it can't be had here, as was said.
    pub fn start(kind: Kind, next: &Sink) -> Option<Self> {
        if !is_root(&format!("{kind:?}: its processes are several users'")) {
            return None;
        }
        let peers = peers();
        match kind {
            Kind::Postfix => drop(program("postfix", "postfix")?),
            Kind::OpenSmtpd | Kind::Exim => {
                program("unshare", "util-linux")?;
                if !peers.join("done").exists() {
                    println!("skipped: {kind:?} is not in {} (tests/peers fetches it)", peers.display());
                    return None;
                }
            }
        }
        let dir = tempfile::Builder::new().prefix("mta-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        certify(dir.path());
        let port = Sink::free_port();
        let fill = |text: &str| {
            let text = text.replace("{dir}", &dir.path().display().to_string()).replace("{peers}", &peers.display().to_string());
            text.replace("{port}", &port.to_string()).replace("{next}", &next.port().to_string())
        };
        let mut command = match kind {
            Kind::Postfix => postfix(dir.path(), &fill(POSTFIX), port),
            Kind::OpenSmtpd => {
                let config = dir.path().join("smtpd.conf");
                fs::write(&config, fill(OPENSMTPD)).unwrap();
                let mut command = in_namespace(dir.path(), &fill(NAMESPACE), &peers.join("usr/sbin/smtpd"));
                command.arg("-d").arg("-f").arg(config);
                command
            }
            Kind::Exim => {
                let config = dir.path().join("exim.conf");
                fs::write(&config, fill(EXIM)).unwrap();
                own(dir.path(), "spool", "nobody");
                fs::set_permissions(dir.path().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
                let mut command = in_namespace(dir.path(), &fill(NAMESPACE), &peers.join("usr/sbin/exim4"));
                command.arg("-C").arg(config).args(["-bdf", "-q30m"]);
                command
            }
        };
        let log = fs::File::create(dir.path().join("output")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut mta = Self { kind, dir, process: command.spawn().unwrap(), port };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(mta.process.try_wait().unwrap().is_none(), "{kind:?}: {}", mta.log());
            // Until it listens; not a limit.
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(mta)
    }

    /// Where it takes mail.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its certificate, which is signed by itself, for `localhost` and 127.0.0.1.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        ["output", "log", "spool/mainlog"].map(|name| fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()).concat()
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        if self.kind == Kind::Postfix {
            let mut command = Command::new(program("postfix", "postfix").unwrap());
            let _ = command.arg("-c").arg(self.dir.path()).arg("stop").stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        let _ = kill(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), Signal::SIGTERM);
        let _ = self.process.wait();
        if std::thread::panicking() {
            println!("--- the log of {:?}\n{}", self.kind, self.log());
        }
    }
}

/// Where `tests/peers` unpacks.
fn peers() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("peers")
}

fn certify(dir: &Path) {
    let mut command = Command::new(program("openssl", "openssl").expect("openssl"));
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]);
    command.args(["-addext", "subjectAltName=DNS:localhost,DNS:mx.mail.example,IP:127.0.0.1", "-keyout"]).arg(dir.join("key.pem"));
    let made = command.arg("-out").arg(dir.join("cert.pem")).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(made.success(), "openssl req");
    fs::set_permissions(dir.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn postfix(dir: &Path, config: &str, port: u16) -> Command {
    fs::write(dir.join("main.cf"), config).unwrap();
    let mut services = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
    POSTFIX_SERVICES.iter().for_each(|(service, program)| services.push_str(&format!("{service} {program}\n")));
    fs::write(dir.join("master.cf"), services).unwrap();
    fs::create_dir(dir.join("queue")).unwrap();
    own(dir, "data", "postfix");
    let mut command = Command::new(program("postfix", "postfix").unwrap());
    command.arg("-c").arg(dir).arg("start-fg");
    command
}

fn in_namespace(dir: &Path, script: &str, program: &Path) -> Command {
    fs::write(dir.join("namespace"), script).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh"]).arg(dir.join("namespace")).arg(program);
    command
}

/// A folder that belongs to this user.
fn own(dir: &Path, name: &str, user: &str) {
    fs::create_dir(dir.join(name)).unwrap();
    let user = nix::unistd::User::from_name(user).unwrap().expect(user);
    nix::unistd::chown(&dir.join(name), Some(user.uid), Some(user.gid)).unwrap();
}
