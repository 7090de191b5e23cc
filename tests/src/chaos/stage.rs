//! A site with every door open: a relay, a webhook's receiver, a Maildir, LMTP and SMTP; perhaps on a disk that can fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Dice, Disk};
use crate::daemon::NotReady;
use crate::hook::Hook;
use crate::names::Names;
use crate::{Config, Sink, Site};

/// The site and its surroundings.
pub struct Stage {
    /// What its state and its Maildir are on, where that can fail.
    pub disk: Option<Disk>,
    /// The daemon.
    pub site: Site,
    /// Where mails go.
    pub sink: Arc<Sink>,
    /// Where flags go.
    pub hook: Hook,
    /// The port of its SMTP listener.
    pub smtp: u16,
    _names: Names,
}

const UNLIMITED: &str = "cool_down = \"0s\"\nper_account = \"unlimited\"\nper_address = \"unlimited\"\nper_ip = \"unlimited\"\n\
                         per_portal = \"unlimited\"\nin_all = \"unlimited\"";
const SECRET: &str = "whsec_c29tZSBzZWNyZXQgb2YgYXQgbGVhc3QgMjQgb2N0ZXRz";

impl Stage {
    /// Sets it up and starts the daemon, with these sections beside the usual ones.
    pub fn new(more: &str) -> Self {
        let mut stage = Self::unstarted(more);
        stage.site.start();
        stage
    }

    /// The same on a disk that can fail.
    pub fn on_disk() -> Self {
        let mut stage = Self::unstarted("");
        stage.disk = Some(Disk::of(&stage.site.path().join("state"), stage.site.path()));
        stage.try_start().unwrap();
        stage
    }

    /// Starts the daemon on what there is; it may end instead of being ready.
    pub fn try_start(&mut self) -> Result<(), NotReady> {
        let env = self.disk.as_ref().map(Disk::environment).unwrap_or_default();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.site.try_start(&env)
    }

    fn unstarted(more: &str) -> Self {
        let (sink, hook, names) = (Arc::new(Sink::new()), Hook::new(&[]), Names::new());
        let smtp = Sink::free_port();
        let alert = format!("[portal.shop.alert.webhook]\nurl = \"{}\"\nsecret_file = \"{{dir}}/hook.secret\"", hook.url());
        let mailbox = format!(
            "[mailbox]\nmaildirs = [\"{{dir}}/state/in\"]\nlmtp = [\"unix:{{dir}}/lmtp\"]\n[mailbox.smtp]\n\
             listen = [\"127.0.0.1:{smtp}\"]\nhostname = \"mx.in.shop.example\"\n[dns]\nservers = [\"{}\"]\n",
            names.at()
        );
        let config = Config::new().relay(sink.port()).limits(UNLIMITED).shop(&alert).more(&mailbox).more(more);
        let site = Site::unstarted(&config);
        let secret = site.path().join("hook.secret");
        fs::write(&secret, SECRET).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).unwrap();
        let stage = Self { disk: None, site, sink, hook, smtp, _names: names };
        stage.make_maildir();
        stage
    }

    fn make_maildir(&self) {
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(self.maildir().join(part)).unwrap();
        }
        let state = self.site.path().join("state");
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// Where an MTA leaves messages.
    pub fn maildir(&self) -> PathBuf {
        self.site.path().join("state/in")
    }

    /// Where an MTA hands messages over.
    pub fn lmtp(&self) -> PathBuf {
        self.site.path().join("lmtp")
    }

    /// The disk's power fails while the daemon is dead.
    pub fn cut(&mut self, dice: &mut Dice) {
        self.disk.as_mut().unwrap().cut(dice);
    }
}
