//! `resetd.toml` for a test, written as an administrator would write it.

use std::fmt::Write;
use std::path::Path;

/// The parts of a configuration, each as the lines that stand in it.
#[derive(Clone, Debug)]
pub struct Config {
    portals: Vec<(String, String)>,
    sending: String,
    limits: String,
    /// Sections beside these.
    more: String,
}

/// How mails leave.
const CAPTURE: &str = "capture = \"{dir}/outgoing\"\n";
/// One account may be reset as often as a test likes.
const NO_LIMITS: &str = "cool_down = \"0s\"\nper_account = \"unlimited\"\nper_address = \"unlimited\"\nper_ip = \"unlimited\"\n";

impl Default for Config {
    /// One portal "shop" without limits that captures its mail.
    fn default() -> Self {
        Self { portals: vec![("shop".into(), String::new())], sending: CAPTURE.into(), limits: NO_LIMITS.into(), more: String::new() }
    }
}

impl Config {
    /// The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Further lines for the portal "shop": keys first, sub-tables (`[portal.shop.alert]`) last.
    pub fn shop(mut self, lines: &str) -> Self {
        self.portals[0].1 = lines.to_owned();
        self
    }

    /// Another portal.
    pub fn portal(mut self, name: &str, lines: &str) -> Self {
        self.portals.push((name.to_owned(), lines.to_owned()));
        self
    }

    /// Sends to a relay on this port of 127.0.0.1 instead of capturing.
    pub fn relay(mut self, port: u16) -> Self {
        self.sending = format!("[sending.relay]\nhost = \"127.0.0.1\"\nport = {port}\n");
        self
    }

    /// The lines behind `[sending]`, sub-tables last, instead of capturing.
    pub fn sending(mut self, lines: &str) -> Self {
        self.sending = lines.to_owned();
        self
    }

    /// The lines of `[limits]`; without this call there are none.
    pub fn limits(mut self, lines: &str) -> Self {
        self.limits = lines.to_owned();
        self
    }

    /// Whole sections beside `[portal]`, `[limits]` and `[sending]`. `{dir}` is the site's folder.
    pub fn more(mut self, sections: &str) -> Self {
        self.more.push_str(sections);
        self.more.push('\n');
        self
    }

    /// The file's text for a site in `dir`.
    pub fn text(&self, dir: &Path) -> String {
        let mut text = String::new();
        for (name, lines) in &self.portals {
            let _ = write!(
                text,
                "[portal.{name}]\ntitle = \"Example {name}\"\nsender = \"Example {name} <no-reply@{name}.example>\"\n\
                 reset_url = \"https://{name}.example/reset?t={{token}}\"\nreply_to = \"reply+{{tag}}@in.{name}.example\"\n\
                 support_address = \"help@{name}.example\"\n{lines}\n"
            );
        }
        let _ = write!(text, "[limits]\n{}\n[sending]\n{}\n[store]\nstate_dir = \"{{dir}}/state\"\n", self.limits, self.sending);
        if !self.more.contains("[server]") {
            text.push_str("[server]\nsocket = \"{dir}/s\"\n");
        }
        text.push_str(&self.more);
        text.replace("{dir}", &dir.display().to_string())
    }
}
