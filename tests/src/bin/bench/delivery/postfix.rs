//! A Postfix of the benchmark's own, as Debian configures one that relays: its configuration, queue and data stand in a temporary
//! folder, and the machine's own are not touched.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::door::Door;
use super::guard::Guard;
use super::system::System;
use super::tree::Tree;
use crate::postfix::free_port;

/// What Debian's package has its master.cf from.
const SERVICES: &str = "/usr/share/postfix/master.cf.dist";
/// What Debian's start copies into the queue's folder, where most services are shut in.
const SHUT_IN: [&str; 6] = ["hosts", "host.conf", "localtime", "nsswitch.conf", "resolv.conf", "services"];

/// Its folder outlives it: the guard is dropped first.
struct Postfix {
    _guard: Guard,
    _folder: TempDir,
}

/// Starts one whose relay host is on this port of the loopback. `Err`: why there is none.
pub fn start(relay: u16) -> Result<System, String> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err("only root can start it".into());
    }
    let services = fs::read_to_string(SERVICES).map_err(|error| format!("{SERVICES}: {error}: Debian's package postfix is missing"))?;
    let folder = tempfile::Builder::new().prefix("postfix-").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let port = free_port();
    furnish(folder.path(), &services, port, relay);
    let command = |what: &str| format!("PATH=$PATH:/usr/sbin postfix -c '{}' {what}", folder.path().join("etc").display());
    let guard = Guard::new(&command("stop"));
    let started = Command::new("/bin/sh").args(["-c", &command("start")]).output().map_err(|error| error.to_string())?;
    if !started.status.success() {
        return Err(String::from_utf8_lossy(&started.stderr).trim().to_owned());
    }
    // Its master has forked, but may not listen yet.
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    let pid = fs::read_to_string(folder.path().join("queue/pid/master.pid")).map_err(|error| format!("its master: {error}"))?;
    let master = pid.trim().parse().map_err(|_| format!("its master's number: {pid}"))?;
    let postfix = Postfix { _guard: guard, _folder: folder };
    Ok(System { name: "Postfix", door: Door::Smtp(port), tree: Tree(master), _keep: Box::new(postfix) })
}

fn furnish(folder: &Path, services: &str, port: u16, relay: u16) {
    for name in ["etc", "queue", "queue/etc", "data"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    assert!(Command::new("chown").arg("postfix").arg(folder.join("data")).status().unwrap().success());
    for name in SHUT_IN {
        let _ = fs::copy(Path::new("/etc").join(name), folder.join("queue/etc").join(name));
    }
    let services: Vec<String> = services.lines().map(|line| on_port(line, port)).collect();
    fs::write(folder.join("etc/master.cf"), services.join("\n") + "\n").unwrap();
    fs::write(folder.join("etc/main.cf"), main_cf(folder, relay)).unwrap();
}

/// The listener of port 25 listens on ours instead.
fn on_port(line: &str, port: u16) -> String {
    let mut fields = line.split_whitespace();
    match (fields.next(), fields.next()) {
        (Some("smtp"), Some("inet")) => format!("127.0.0.1:{port} inet {}", fields.collect::<Vec<_>>().join(" ")),
        _ => line.to_owned(),
    }
}

/// What Debian's package writes where it is asked for a satellite system, but for the folders and the names.
fn main_cf(folder: &Path, relay: u16) -> String {
    let folder = folder.display();
    format!(
        "queue_directory = {folder}/queue\n\
         data_directory = {folder}/data\n\
         smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)\n\
         biff = no\n\
         append_dot_mydomain = no\n\
         readme_directory = no\n\
         compatibility_level = 3.6\n\
         smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem\n\
         smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key\n\
         smtpd_tls_security_level=may\n\
         smtp_tls_CApath=/etc/ssl/certs\n\
         smtp_tls_security_level=may\n\
         smtp_tls_session_cache_database = btree:${{data_directory}}/smtp_scache\n\
         smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination\n\
         myhostname = bench.example\n\
         alias_maps = hash:/etc/aliases\n\
         alias_database = hash:/etc/aliases\n\
         mydestination = $myhostname, localhost.localdomain, localhost\n\
         relayhost = [127.0.0.1]:{relay}\n\
         mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n\
         mailbox_size_limit = 0\n\
         recipient_delimiter = +\n\
         inet_interfaces = loopback-only\n\
         inet_protocols = all\n"
    )
}
