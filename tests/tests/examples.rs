//! The examples under docs/examples, each run as it stands there: a person walks through it with a browser, meets every
//! refusal, and is told what docs/integrate.md says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use resetd_tests::{Answer, Between, Config, Mail, Portal, Reply, Site};
use serde_json::Value;

const ANN: &str = "ann@mail.example";
const NOBODY: &str = "nobody@mail.example";
const OLD: &str = "correct horse battery staple";
const NEW: &str = "seven purple umbrellas";

/// What the examples say, beside the answers to refusals.
const SENT: &str = "a mail is on its way";
const CHANGED: &str = "Your password is changed";
const SHORT: &str = "least 12 characters";
const FOREIGN: &str = "That did not come from our site.";
const LATER: &str = "We can not do this right now. Please try again in a moment.";

#[test]
#[ignore = "needs python3"]
fn python() {
    let walk = Walk::new();
    let command = python_portal(walk.between.path(), walk.port, &walk.file("users.db"));
    walk.all(command);
}

/// The guide's ten minutes: its configuration, its portal, its mail program, and a person with a browser.
#[test]
#[ignore = "needs chromium, curl"]
fn chromium_walks_the_portal() {
    let port = Portal::port();
    let mut site = Site::unstarted(&Config::new());
    let guide = fs::read_to_string(root().join("docs/examples/resetd.toml")).unwrap();
    let folder = site.path().display().to_string();
    let own = guide.replace("/tmp/resetd-try/resetd.sock", &format!("{folder}/s")).replace("/tmp/resetd-try", &folder);
    site.configure_as(&own.replace("127.0.0.1:8000", &format!("127.0.0.1:{port}")));
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(site.path().join("answers").join(part)).unwrap();
    }
    site.start();
    let portal = Portal::start(python_portal(&site.socket(), port, &site.path().join("users.db")), port);
    let mut walk = Command::new("python3");
    walk.arg(root().join("tests/portal/walk.py")).arg(format!("http://127.0.0.1:{port}")).args([site.path(), &site.socket()]);
    let walked = walk.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&walked.stdout);
    assert!(walked.status.success(), "{said}{}", String::from_utf8_lossy(&walked.stderr));
    assert!(said.ends_with("1..21\n"), "{said}");
    assert!(!portal.said().contains("token="), "{}", portal.said());
}

#[test]
#[ignore = "needs python3-django"]
fn django() {
    let walk = Walk::new();
    let manage = |arguments: &[&str]| {
        let mut command = walk.command("django", "/usr/bin/python3", &["manage.py"]);
        command.args(arguments).env("DATABASE", walk.file("users.db")).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    assert!(manage(&["try", &format!("Ann Other <{ANN}>")]).status().unwrap().success());
    walk.all(manage(&["serve", &walk.port.to_string()]));
}

#[test]
#[ignore = "needs nodejs"]
fn node() {
    let walk = Walk::new();
    walk.all(walk.command("node", "node", &["portal.mjs"]));
}

#[test]
#[ignore = "needs php-cli, php-curl"]
fn php() {
    let walk = Walk::new();
    let address = format!("127.0.0.1:{}", walk.port);
    let mut command = walk.command("php", "php", &["-q", "-S", &address, "portal.php"]);
    command.env("USERS", walk.file("users.json"));
    walk.all(command);
}

#[test]
#[ignore = "needs ruby"]
fn ruby() {
    let walk = Walk::new();
    walk.all(walk.command("ruby", "ruby", &["portal.rb"]));
}

#[test]
#[ignore = "needs golang-go, golang-golang-x-crypto-dev"]
fn go() {
    let walk = Walk::new();
    let program = walk.file("portal");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).current_dir(examples("go"));
    // With Debian's copy of golang.org/x/crypto instead of a download.
    build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOFLAGS", "").env("GOCACHE", scratch("go"));
    assert!(build.status().unwrap().success());
    walk.all(walk.command("go", program.to_str().unwrap(), &[]));
}

#[test]
fn rust() {
    let walk = Walk::new();
    walk.all(walk.command("rust", resetd_tests::daemon::program("resetd-example-portal").to_str().unwrap(), &[]));
}

#[test]
#[ignore = "needs default-jdk-headless"]
fn java() {
    let walk = Walk::new();
    let classes = walk.file("classes");
    let mut build = Command::new("javac");
    build
        .args(["-Xlint:all,-serial", "-Werror", "-d"])
        .arg(&classes)
        .args(["Portal.java", "Resetd.java", "Users.java"])
        .current_dir(examples("java"));
    assert!(build.status().unwrap().success());
    walk.all(walk.command("java", "java", &["-cp", classes.to_str().unwrap(), "Portal"]));
}

#[test]
#[ignore = "needs curl, jq"]
fn shell() {
    let walk = Walk::new();
    let call = |script: &str, arguments: &[&str]| {
        let mut command = walk.command("shell", "sh", &["-c", &format!(". ./resetd.sh; {script} \"$@\""), "sh"]);
        let output = command.args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    };
    let mailed = || {
        let mut events = walk.site.events();
        let (status, id) = call("request", &["ann", ANN, "both"]);
        assert_eq!(status, 0);
        events.until(&id, "mail.sent");
        let mail = walk.site.outgoing().of_reset(&id);
        (id, mail)
    };
    let refused = |(status, said): (i32, String), reason: &str| assert_eq!((status, said), (1, answer(reason)), "{reason}");

    let (status, unknown) = call("request", &["", NOBODY]);
    assert_eq!((status, unknown.len()), (0, 36), "an id for whom nobody knows, too");
    let (older, mail) = mailed();
    let good = format!("ann {older}");
    assert_eq!(call("inspect_token", &[&token(&mail)]), (0, good.clone()));
    assert_eq!(call("redeem_token", &[&token(&mail)]), (0, good));
    assert_eq!(call("completed", &[&older]).0, 0);
    walk.site.events().until(&older, "reset.completed");
    refused(call("redeem_token", &[&token(&mail)]), "used");
    refused(call("inspect_token", &["AQGiCck-nothing-of-ours"]), "unknown");
    let ((_, first), (_, second)) = (mailed(), mailed());
    assert_eq!(call("redeem_token", &[&token(&first)]).0, 0);
    refused(call("redeem_token", &[&token(&second)]), "superseded");
    let (id, mail) = mailed();
    walk.site.client().delete(&format!("/v1/resets/{id}")).expect(200);
    refused(call("inspect_token", &[&token(&mail)]), "revoked");
    let (_, mail) = mailed();
    walk.site.hand_in(&Answer::to(&mail, "This wasn't me!").build());
    refused(call("inspect_token", &[&token(&mail)]), "denied");
    assert_eq!(call("login_failed", &["ann", ANN]), (0, "1".to_owned()));
    assert_eq!(call("login_failed", &["ann", ANN]), (0, "2".to_owned()));
    assert_eq!(call("login_succeeded", &["ann", ANN]), (0, "0".to_owned()));
    assert_eq!(call("request", &["ann", "no address"]).0, 3);

    walk.between.lose_an_answer("POST /v1/resets");
    assert_eq!(call("request", &["ann", ANN]).0, 0);
    walk.between.away(true);
    assert_eq!(call("inspect_token", &["x"]).0, 2);
    walk.between.away(false);

    let (_, mail) = mailed();
    for n in 0..4 {
        refused(call("redeem_code", &["ann", &format!("1000000{n}")]), "unknown");
    }
    refused(call("redeem_code", &["ann", "10000009"]), "locked");
    walk.pass(3);
    refused(call("inspect_token", &[&token(&mail)]), "expired");
}

/// The terminal's own walk, its answers typed when the questions come.
#[test]
#[ignore = "needs curl, jq"]
fn shell_at_a_terminal() {
    let walk = Walk::new();
    fs::write(walk.file("users"), format!("ann:{ANN}\n")).unwrap();
    let set = walk.file("set");
    let run = |name: &str| {
        let mut command = walk.command("shell", "./forgot.sh", &[]);
        command.env("USERS", walk.file("users")).env("SET_PASSWORD", format!("tee {}", set.display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        writeln!(stdin, "{name}").unwrap();
        let mut said = String::new();
        stdout.read_line(&mut said).unwrap();
        assert!(said.contains(SENT), "{said}");
        (child, stdin, stdout)
    };
    let mut events = walk.site.events();
    let end = |(mut child, stdin, stdout): (Child, ChildStdin, BufReader<ChildStdout>)| {
        drop(stdin);
        (std::io::read_to_string(stdout).unwrap(), child.wait().unwrap().success())
    };
    let mut ann = run("ann");
    let id = events.named("mail.sent")["reset"].as_str().unwrap().to_owned();
    write!(ann.1, "{}\nshort\n{NEW}\n", walk.site.outgoing().of_reset(&id).code()).unwrap();
    let (said, good) = end(ann);
    assert!(said.contains(SHORT) && said.contains(CHANGED) && good, "{said}");
    assert_eq!(fs::read_to_string(&set).unwrap(), format!("ann:{NEW}\n"));
    events.until(&id, "reset.completed");
    let mut nobody = run("nobody");
    write!(nobody.1, "12345678\n{NEW}\n").unwrap();
    let (said, good) = end(nobody);
    assert!(said.contains(&answer("unknown")) && !good, "{said}");
}

/// One daemon, and an application that means it.
struct Walk {
    site: Site,
    between: Between,
    port: u16,
}

impl Walk {
    fn new() -> Self {
        let config = Config::new().shop("method = \"both\"\n[portal.shop.login_failures]\nthreshold = 3\n");
        let port = Portal::port();
        let mut site = Site::unstarted(&config);
        let own = format!("http://127.0.0.1:{port}/reset?token=");
        site.configure_as(&config.text(site.path()).replace("https://shop.example/reset?t=", &own));
        fs::write(site.path().join("clock"), "+0").unwrap();
        let clock = site.path().join("clock").display().to_string();
        let library = faketime().display().to_string();
        let env = [
            ("LD_PRELOAD", &*library),
            ("FAKETIME_TIMESTAMP_FILE", &clock),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        site.try_start(&env).unwrap();
        let between = Between::new(site.path().join("between"), &site.socket());
        Self { site, between, port }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.site.path().join(name)
    }

    /// A program in a language's folder, told by its environment where it is.
    fn command(&self, language: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(examples(language));
        command.env("RESETD_SOCKET", self.between.path()).env("PORT", self.port.to_string());
        command
    }

    /// The whole of it.
    fn all(&self, command: Command) {
        let portal = Portal::start(command, self.port);
        self.same_answer_for_all(&portal);
        self.by_link(&portal);
        self.by_code(&portal);
        self.refusals(&portal);
        self.logins(&portal);
        self.trouble(&portal);
        assert!(!portal.said().contains("token="), "a token in the log:\n{}", portal.said());
        // Last, since it puts the clock forward and locks the account's codes.
        self.too_late(&portal);
    }

    fn same_answer_for_all(&self, portal: &Portal) {
        portal.get("/forgot").expect(200);
        let known = portal.post("/forgot", &[("email", ANN)]).expect(200).text();
        let asked = self.between.until("POST /v1/resets");
        assert_eq!(asked.body["client"]["ip"], "127.0.0.1", "{asked:?}");
        assert_eq!(asked.body["client"]["user_agent"], "Browser/1", "{asked:?}");
        assert!(asked.key.is_some(), "no Idempotency-Key");
        assert!(known.contains(SENT), "{known}");
        let unknown = portal.post("/forgot", &[("email", NOBODY)]).expect(200).text();
        assert_eq!(self.between.until("POST /v1/resets").body["account"], Value::Null);
        assert_eq!(known.replace(ANN, ""), unknown.replace(NOBODY, ""));
        portal.post("/forgot", &[("email", "no address")]).expect(400);
    }

    fn by_link(&self, portal: &Portal) {
        let (id, mail) = self.mailed(portal);
        let path = path(&mail);
        for _ in 0..3 {
            let page = portal.get(&path).expect(200);
            assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
            assert_eq!(page.header("cache-control"), Some("no-store"));
            assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
            assert!(!page.text().contains("//"), "something from elsewhere: {}", page.text());
            self.told_who("POST /v1/resets/inspect");
        }
        let token = token(&mail);
        let said = portal.post("/reset", &[("token", &token), ("password", "short")]).expect(400).text();
        assert!(said.contains(SHORT), "{said}");
        let said = portal.post_from("cross-site", "/reset", &[("token", &token), ("password", NEW)]).expect(403).text();
        assert!(said.contains(FOREIGN), "{said}");
        assert_eq!(self.site.state(&id), "sent", "nothing of this uses it up");
        let said = portal.post("/reset", &[("token", &token), ("password", NEW)]).expect(200);
        assert!(said.text().contains(CHANGED), "{}", said.text());
        assert!(said.header("set-cookie").is_none_or(|cookie| cookie.contains("Max-Age=0")), "signed in without being asked");
        self.told_who("POST /v1/resets/redeem");
        self.site.events().until(&id, "reset.completed");
        assert!(!login(portal, ANN, OLD));
        assert!(login(portal, ANN, NEW));
        refused(&portal.get(&path), 410, "used");
        refused(&portal.post("/reset", &[("token", &token), ("password", NEW)]), 410, "used");
    }

    fn by_code(&self, portal: &Portal) {
        let (_, mail) = self.mailed(portal);
        portal.get("/reset").expect(200);
        let code = mail.code();
        let wrong = if code.starts_with('1') { "20000000" } else { "10000000" };
        refused(&try_code(portal, ANN, wrong), 404, "unknown");
        refused(&try_code(portal, NOBODY, &code), 404, "unknown");
        let spaced = format!(" {} {} ", &code[..4], &code[4..]);
        self.between.forget();
        let said = try_code(portal, ANN, &spaced).expect(200).text();
        assert!(said.contains(CHANGED), "{said}");
        self.told_who("POST /v1/resets/redeem");
    }

    /// Guesses are counted by client: whose they are has to be told with each.
    #[track_caller]
    fn told_who(&self, call: &str) {
        let asked = self.between.until(call);
        assert_eq!(asked.body["client"]["ip"], "127.0.0.1", "{call}");
    }

    fn refusals(&self, portal: &Portal) {
        refused(&portal.get("/reset?token=AQGiCck-nothing-of-ours"), 404, "unknown");
        let (_, older) = self.mailed(portal);
        let (_, newer) = self.mailed(portal);
        portal.post("/reset", &[("token", &token(&newer)), ("password", NEW)]).expect(200);
        self.dead(portal, &older, "superseded");
        let (id, mail) = self.mailed(portal);
        self.site.client().delete(&format!("/v1/resets/{id}")).expect(200);
        self.dead(portal, &mail, "revoked");
        let (id, mail) = self.mailed(portal);
        self.site.hand_in(&Answer::to(&mail, "This wasn't me!").build());
        self.site.events().until(&id, "reset.denied");
        self.dead(portal, &mail, "denied");
    }

    fn dead(&self, portal: &Portal, mail: &Mail, reason: &str) {
        refused(&portal.get(&path(mail)), 410, reason);
        refused(&portal.post("/reset", &[("token", &token(mail)), ("password", NEW)]), 410, reason);
    }

    /// The count's own calls come behind the page's answer: each is waited for.
    fn logins(&self, portal: &Portal) {
        self.between.forget();
        assert!(login(portal, ANN, NEW));
        assert_eq!(self.between.until("POST /v1/login-failures").body["success"], true);
        assert!(!login(portal, NOBODY, "whatever it was"));
        for _ in 0..3 {
            assert!(!login(portal, ANN, "whatever it was"));
            let asked = self.between.until("POST /v1/login-failures").body;
            assert_eq!((&asked["email"], asked["success"].as_bool().unwrap_or(false)), (&ANN.into(), false));
        }
        self.site.events().named("login.threshold");
    }

    fn trouble(&self, portal: &Portal) {
        self.site.until_quiet();
        let before = self.site.outgoing().to(ANN).len();
        self.between.forget();
        self.between.lose_an_answer("POST /v1/resets");
        portal.post("/forgot", &[("email", ANN)]).expect(200);
        let (first, second) = (self.between.until("POST /v1/resets"), self.between.until("POST /v1/resets"));
        assert_eq!(first.key, second.key);
        self.site.until_quiet();
        assert_eq!(self.site.outgoing().to(ANN).len(), before + 1, "a lost answer costs no second mail");

        let (_, mail) = self.mailed(portal);
        self.between.away(true);
        for page in [portal.get(&path(&mail)), portal.post("/forgot", &[("email", ANN)]), try_code(portal, ANN, "12345678")] {
            let said = page.expect(503).text();
            assert!(said.contains(LATER), "{said}");
        }
        assert!(login(portal, ANN, NEW), "people sign in without resetd");
        self.between.away(false);
        portal.get(&path(&mail)).expect(200);

        // What was used up unheard is not good a second time: the person asks for another mail.
        self.between.lose_an_answer("POST /v1/resets/redeem");
        portal.post("/reset", &[("token", &token(&mail)), ("password", "another password")]).expect(503);
        refused(&portal.get(&path(&mail)), 410, "used");
        assert!(login(portal, ANN, NEW), "and the password is the old one");
    }

    fn too_late(&self, portal: &Portal) {
        let (_, mail) = self.mailed(portal);
        for email in [ANN, NOBODY] {
            let replies: Vec<Reply> = (0..6).map(|n| try_code(portal, email, &format!("1000000{n}"))).collect();
            refused(&replies[0], 404, "unknown");
            refused(&replies[5], 429, "locked");
        }
        self.pass(3);
        self.dead(portal, &mail, "expired");
    }

    /// Puts the daemon's clock forward.
    fn pass(&self, hours: u32) {
        // In one piece: half a file is another time.
        fs::write(self.file("clock.new"), format!("+{}", hours * 3600)).unwrap();
        fs::rename(self.file("clock.new"), self.file("clock")).unwrap();
    }

    /// Asks for a mail as a person does, and gives it.
    fn mailed(&self, portal: &Portal) -> (String, Mail) {
        let mut events = resetd_tests::Events::live(&self.site.socket());
        portal.post("/forgot", &[("email", ANN)]).expect(200);
        let sent = events.find(|event| event["event"] == "mail.sent" && event["detail"]["kind"] == "reset");
        let id = sent["reset"].as_str().unwrap().to_owned();
        let mail = self.site.outgoing().of_reset(&id);
        (id, mail)
    }
}

/// The link as a browser asks for it.
fn path(mail: &Mail) -> String {
    format!("/reset?token={}", token(mail))
}

fn token(mail: &Mail) -> String {
    let text = mail.text();
    let link = text.lines().map(str::trim).find(|line| line.starts_with("http://127.0.0.1:") && line.contains("/reset?token="));
    link.unwrap_or_else(|| panic!("no link in {text}")).split_once("token=").unwrap().1.to_owned()
}

fn try_code(portal: &Portal, email: &str, code: &str) -> Reply {
    portal.post("/reset", &[("email", email), ("code", code), ("password", NEW)])
}

/// Whether it goes well. The address is the user's name, too.
fn login(portal: &Portal, email: &str, password: &str) -> bool {
    let reply = portal.post("/login", &[("email", email), ("username", email), ("password", password)]);
    match reply.status {
        200 => reply.text().contains("Hello, "),
        302 | 303 => true,
        403 => false,
        other => panic!("{other}: {}", reply.text()),
    }
}

/// The page says no, in the words of docs/integrate.md.
#[track_caller]
fn refused(reply: &Reply, status: u16, reason: &str) {
    let words = answer(reason);
    assert_eq!(reply.status, status, "{reason}: {}", reply.text());
    assert!(reply.text().contains(&words), "{reason}: no `{words}` in {}", reply.text());
}

/// What docs/integrate.md has a page say.
fn answer(reason: &str) -> String {
    let guide = fs::read_to_string(root().join("docs/integrate.md")).unwrap();
    let row =
        guide.lines().find(|line| line.starts_with(&format!("| `{reason}` |"))).unwrap_or_else(|| panic!("no `{reason}` in the guide"));
    row.split('|').nth(3).unwrap().trim().to_owned()
}

fn python_portal(socket: &Path, port: u16, users: &Path) -> Command {
    let mut command = Command::new("python3");
    command.arg("portal.py").current_dir(examples("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["--add", &format!("Ann Other <{ANN}>"), "--port", &port.to_string()]);
    command.arg("--socket").arg(socket).arg("--users").arg(users);
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn examples(language: &str) -> PathBuf {
    root().join("docs/examples").join(language)
}

/// What a compiler keeps between two runs.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What moves the daemon's clock.
fn faketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("libfaketime (Debian package faketime)")
}
