//! A folder with a configuration, a state folder, an outgoing mailbox and a running daemon; and the walk that most tests
//! begin with.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::NotReady;
use crate::{Client, Config, Daemon, Events, Mail, Outgoing};

/// Everything around one daemon.
pub struct Site {
    daemon: Option<Daemon>,
    activated: Option<UnixListener>,
    dir: TempDir,
}

impl Site {
    /// Starts one with the default configuration.
    pub fn new() -> Self {
        Self::with(&Config::new())
    }

    /// Starts one.
    #[track_caller]
    pub fn with(config: &Config) -> Self {
        let mut site = Self::unstarted(config);
        site.start();
        site
    }

    /// Starts one whose socket is made here and handed in as systemd does; other users may connect to it.
    #[track_caller]
    pub fn activated(config: &Config) -> Self {
        let mut site = Self::unstarted(config);
        let listener = UnixListener::bind(site.socket()).unwrap();
        std::fs::set_permissions(site.socket(), std::fs::Permissions::from_mode(0o666)).unwrap();
        std::fs::set_permissions(site.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        site.activated = Some(listener);
        site.start();
        site
    }

    /// Makes the folder and the file, and starts nothing.
    pub fn unstarted(config: &Config) -> Self {
        let dir = tempfile::Builder::new().prefix("resetd-").tempdir().unwrap();
        let site = Self { daemon: None, activated: None, dir };
        site.configure(config);
        site
    }

    /// Writes another configuration.
    pub fn configure(&self, config: &Config) {
        self.configure_as(&config.text(self.path()));
    }

    /// Writes a configuration as it is.
    pub fn configure_as(&self, text: &str) {
        std::fs::write(self.path().join("resetd.toml"), text).unwrap();
    }

    /// Starts the daemon and waits until it is ready.
    #[track_caller]
    pub fn start(&mut self) {
        if let Err(not) = self.try_start(&[]) {
            panic!("resetd did not start: {}\n{}", not.status, not.log);
        }
    }

    /// Starts it, with more in its environment; it may end instead of being ready.
    pub fn try_start(&mut self, env: &[(&str, &str)]) -> Result<(), NotReady> {
        self.daemon = Some(Daemon::start(self.path(), self.activated.as_ref(), env)?);
        Ok(())
    }

    /// Starts it as the unit does where the configuration names no portal yet: it is ready, and waits.
    #[track_caller]
    pub fn wait_for_configuration(&mut self) {
        let activated = self.activated.get_or_insert_with(|| UnixListener::bind(self.dir.path().join("s")).unwrap());
        match Daemon::start_with(self.dir.path(), Some(activated), &[], &["--wait"]) {
            Ok(daemon) => self.daemon = Some(daemon),
            Err(not) => panic!("resetd did not wait: {}\n{}", not.status, not.log),
        }
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.daemon.take().unwrap().kill9();
    }

    /// SIGTERM; it must end well.
    #[track_caller]
    pub fn stop(&mut self) {
        self.daemon.take().unwrap().stop();
    }

    /// Stops and starts.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// The running daemon.
    pub fn daemon(&mut self) -> &mut Daemon {
        self.daemon.as_mut().expect("it was stopped")
    }

    /// What it has logged since the site began.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// The site's folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The API's socket.
    pub fn socket(&self) -> PathBuf {
        self.path().join("s")
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::new(&self.socket())
    }

    /// The event stream from its beginning.
    pub fn events(&self) -> Events {
        Events::after(&self.socket(), 0)
    }

    /// The mailbox that everything is captured in.
    pub fn outgoing(&self) -> Outgoing {
        Outgoing::new(self.path().join("outgoing"))
    }

    /// Asks for a reset of `account` at the portal "shop"; gives its id.
    #[track_caller]
    pub fn request(&self, account: &str) -> String {
        self.request_with(account, json!({}))
    }

    /// With further fields.
    #[track_caller]
    pub fn request_with(&self, account: &str, more: Value) -> String {
        let reply = self.client().post("/v1/resets", &new_reset(account, &more)).expect(202);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Asks for a reset and waits until its mail is captured.
    #[track_caller]
    pub fn mailed(&self, account: &str) -> (String, Mail) {
        self.mailed_with(account, json!({}))
    }

    /// With further fields.
    #[track_caller]
    pub fn mailed_with(&self, account: &str, more: Value) -> (String, Mail) {
        let id = self.request_with(account, more);
        self.events().until(&id, "mail.sent");
        let mail = self.outgoing().of_reset(&id);
        (id, mail)
    }

    /// The reset as the API shows it.
    #[track_caller]
    pub fn show(&self, id: &str) -> Value {
        self.client().get(&format!("/v1/resets/{id}")).expect(200).json()
    }

    /// Its state.
    #[track_caller]
    pub fn state(&self, id: &str) -> String {
        self.show(id)["state"].as_str().unwrap().to_owned()
    }

    /// The names in its timeline.
    #[track_caller]
    pub fn timeline(&self, id: &str) -> Vec<String> {
        let shown = self.show(id);
        shown["timeline"].as_array().unwrap().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
    }

    /// `why` of the event that suppressed it; `None`: it was mailed.
    #[track_caller]
    pub fn suppressed(&self, id: &str) -> Option<String> {
        let shown = self.show(id);
        let line = shown["timeline"].as_array().unwrap().iter().find(|line| line["event"] == "reset.suppressed");
        line.map(|line| line["detail"]["why"].as_str().unwrap().to_owned())
    }

    /// Hands a message in by the API and waits until it was read; gives the `inbound.read` event.
    #[track_caller]
    pub fn hand_in(&self, message: &[u8]) -> Value {
        let number = self.client().hand_in(message).expect(202).json()["id"].clone();
        self.events().find(|event| event["event"] == "inbound.read" && event["detail"]["inbound"] == number)
    }

    /// How many lines the timeline of everything has.
    #[track_caller]
    pub fn events_so_far(&self) -> usize {
        let (mut client, mut count, mut after) = (self.client(), 0, String::new());
        loop {
            let page = client.get(&format!("/v1/events?limit=500{after}")).expect(200).json();
            count += page["items"].as_array().unwrap().len();
            let Some(next) = page["next"].as_str() else { return count };
            after = format!("&after={next}");
        }
    }

    /// Every flag, the newest first.
    #[track_caller]
    pub fn flags(&self) -> Vec<Value> {
        self.client().get("/v1/flags?limit=500").expect(200).json()["items"].as_array().unwrap().clone()
    }

    /// Redeems a token.
    pub fn redeem(&self, token: &str) -> crate::Reply {
        self.client().post("/v1/resets/redeem", &json!({ "token": token }))
    }

    /// Inspects a token.
    pub fn inspect(&self, token: &str) -> crate::Reply {
        self.client().post("/v1/resets/inspect", &json!({ "token": token }))
    }

    /// Tries a code at the portal "shop".
    pub fn redeem_code(&self, account: &str, code: &str) -> crate::Reply {
        self.client().post("/v1/resets/redeem", &json!({ "portal": "shop", "account": account, "code": code }))
    }

    /// Waits until nothing is waiting to be sent or read, so that what has not been mailed by now never will be.
    pub fn until_quiet(&self) {
        let mut client = self.client();
        let mut events = self.events();
        loop {
            let status = client.get("/v1/status").expect(200).json();
            if status["queued"] == 0 && status["unread"] == 0 {
                return;
            }
            // Something is under way: it ends with an event.
            events.one();
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// The body of a request for `account` at the portal "shop", mailed to `ACCOUNT@mail.example`, overlaid with `more`.
pub fn new_reset(account: &str, more: &Value) -> Value {
    let mut body = json!({ "portal": "shop", "account": account, "email": format!("{account}@mail.example") });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}
