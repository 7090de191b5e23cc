//! A real Dovecot of the test's own, in a folder of its own, on ports of its own: one account, a Maildir that tests deliver into.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::Sink;

/// The account's password; its user is `answers`.
pub const PASSWORD: &str = "correct-horse-battery";

/// Whose the mail is, where the test is root: Dovecot serves no mail of root's.
const NOBODY: u32 = 65_534;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A running Dovecot; dropped, it ends.
pub struct Dovecot {
    dir: TempDir,
    process: Option<Child>,
    /// Plain and STARTTLS.
    pub port: u16,
    /// Implicit TLS.
    pub tls_port: u16,
    /// More lines of its configuration.
    lines: &'static str,
}

impl Dovecot {
    /// Starts one, with a certificate for `localhost`.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// One that knows IMAP4rev1, IDLE and UIDPLUS, and no MOVE.
    pub fn without_move() -> Self {
        Self::start_with("imap_capability = IMAP4rev1 LITERAL+ IDLE UIDPLUS\n")
    }

    fn start_with(lines: &'static str) -> Self {
        let dir = tempfile::Builder::new().prefix("dovecot-").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut dovecot = Self { dir, process: None, port: Sink::free_port(), tls_port: Sink::free_port(), lines };
        dovecot.certify();
        for folder in ["mail", "mail/new", "mail/cur", "mail/tmp"] {
            dovecot.own_folder(folder);
        }
        fs::write(dovecot.path("password"), PASSWORD).unwrap();
        fs::set_permissions(dovecot.path("password"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(dovecot.path("dovecot.conf"), dovecot.config()).unwrap();
        dovecot.resume();
        dovecot
    }

    /// A path in its folder: `ca.pem`, `password`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts it again.
    pub fn resume(&mut self) {
        let command = ["/usr/sbin/dovecot", "/usr/bin/dovecot"].into_iter().find(|path| Path::new(path).exists());
        let mut command = Command::new(command.expect("dovecot (Debian package dovecot-imapd)"));
        command.arg("-F").arg("-c").arg(self.path("dovecot.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
        for port in [self.port, self.tls_port] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                let ended = self.process.as_mut().unwrap().try_wait().unwrap();
                assert!(ended.is_none(), "{}", fs::read_to_string(self.path("log")).unwrap_or_default());
                // Until it listens; not a limit.
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Ends it, and with it every connection.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let pid = nix::unistd::Pid::from_raw(i32::try_from(process.id()).unwrap());
        // The master takes its children along only when it is asked.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = process.wait();
    }

    /// Ends it and forgets every UID: when it is started again, UIDVALIDITY is another one.
    pub fn renumber(&mut self) {
        self.kill();
        for entry in fs::read_dir(self.path("mail")).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_name().to_string_lossy().starts_with("dovecot") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        // By default it is the time in seconds, which may be the same one still.
        fs::write(self.path("mail/dovecot-uidlist"), "3 V4000000000 N1\n").unwrap();
        self.own("mail/dovecot-uidlist");
    }

    /// Puts a message into a folder (`""` is INBOX, `".Junk"` the other), as a delivery agent does.
    pub fn deliver(&self, folder: &str, message: &[u8]) {
        self.deliver_aged(folder, message, Duration::ZERO);
    }

    /// The same, as if so long ago.
    pub fn deliver_aged(&self, folder: &str, message: &[u8], age: Duration) {
        let name = format!("{}.{}.test", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (tmp, new) = (format!("mail/tmp/{name}"), format!("mail/{folder}/new/{name}"));
        fs::write(self.path(&tmp), message).unwrap();
        if !age.is_zero() {
            let file = fs::File::options().write(true).open(self.path(&tmp)).unwrap();
            let written = file.metadata().unwrap().modified().unwrap();
            file.set_modified(written - age).unwrap();
        }
        self.own(&tmp);
        fs::rename(self.path(&tmp), self.path(&new)).unwrap();
    }

    /// The files of a folder that carry a flag (`S`: seen), or all.
    pub fn files(&self, folder: &str, flag: Option<char>) -> usize {
        let count = |sub: &str| {
            let Ok(entries) = fs::read_dir(self.path(&format!("mail/{folder}/{sub}"))) else { return 0 };
            let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
            names.filter(|name| flag.is_none_or(|flag| name.rsplit_once(":2,").is_some_and(|(_, flags)| flags.contains(flag)))).count()
        };
        count("new") + count("cur")
    }

    /// Marks what was put into INBOX and not looked at yet as deleted, as another client does.
    pub fn mark_deleted(&self) {
        for entry in fs::read_dir(self.path("mail/new")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            fs::rename(self.path(&format!("mail/new/{name}")), self.path(&format!("mail/cur/{name}:2,T"))).unwrap();
        }
    }

    /// Makes a Maildir beside INBOX.
    pub fn folder(&self, name: &str) {
        for sub in ["", "/new", "/cur", "/tmp"] {
            self.own_folder(&format!("mail/{name}{sub}"));
        }
    }

    fn own_folder(&self, name: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
        self.own(name);
    }

    fn own(&self, name: &str) {
        if nix::unistd::geteuid().is_root() {
            chown(self.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    fn certify(&self) {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        fs::write(self.path("ca.pem"), authority.pem()).unwrap();
        fs::write(self.path("cert.pem"), certificate.pem()).unwrap();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
    }

    fn config(&self) -> String {
        let (me, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let (uid, gid) = if me.is_root() { (NOBODY, NOBODY) } else { (me.as_raw(), group.as_raw()) };
        let users = if me.is_root() {
            String::new()
        } else {
            let user = nix::unistd::User::from_uid(me).unwrap().unwrap().name;
            let group = nix::unistd::Group::from_gid(group).unwrap().unwrap().name;
            format!(
                "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
                 service anvil {{\n chroot =\n}}\nservice imap-login {{\n chroot =\n}}\n"
            )
        };
        format!(
            "base_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = {dir}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
             ssl = yes\nssl_cert = <{dir}/cert.pem\nssl_key = <{dir}/key.pem\nauth_mechanisms = plain\nauth_failure_delay = 0\n\
             passdb {{\n driver = static\n args = password={PASSWORD}\n}}\nuserdb {{\n driver = static\n args = uid={uid} gid={gid} home={dir}/mail\n}}\n\
             first_valid_uid = 1\nmail_location = maildir:{dir}/mail\nmaildir_very_dirty_syncs = no\nmailbox_idle_check_interval = 1s\n\
             namespace inbox {{\n inbox = yes\n mailbox Spam {{\n auto = create\n special_use = \\Junk\n }}\n}}\n\
             service imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n inet_listener imaps {{\n port = {tls}\n ssl = yes\n }}\n}}\n{users}{lines}",
            lines = self.lines,
            dir = self.dir.path().display(),
            port = self.port,
            tls = self.tls_port,
        )
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- dovecot's log\n{}", fs::read_to_string(self.path("log")).unwrap_or_default());
        }
    }
}
