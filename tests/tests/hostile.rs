//! What people who mean ill have tried: ids that can be guessed, addresses that are near to another's, a client that vouches for
//! itself, a receiver of webhooks that never answers, an alert that would come round.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;

use resetd_tests::answer::{Answer, bounce};
use resetd_tests::peer::Peer;
use resetd_tests::site::new_reset;
use resetd_tests::{Config, Mail, Sink, Site, is_root};
use serde_json::json;

const NOT_ME: &str = "This wasn't me, I did not ask for a new password!";

#[test]
fn a_queue_id_that_can_be_guessed_ties_and_proves_nothing() {
    let sink = Sink::new();
    sink.ids("4F2A1B3C4D");
    let site = Site::with(&Config::new().relay(sink.port()));
    let id = site.request("ann");
    site.events().until(&id, "mail.sent");
    let mail = sink.mails().remove(0);
    let guess = "4F2A1B3C4D00000001@mail.evil.example";
    let forged = Answer::to(&mail, NOT_ME).from("eve@evil.example").sent_to("no-reply@shop.example").refers(Some(guess)).unquoted();
    let read = site.hand_in(&forged.build());
    assert_eq!((read["detail"]["proof"].as_str(), read["reset"].as_str()), (Some("none"), Some(id.as_str())));
    assert_eq!(site.state(&id), "sent");
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_bounced_tag_holds_nobody_else() {
    let site = Site::new();
    // An account of the attacker's own, with an address beside the victim's that does not exist.
    let (_, mail) = site.mailed_with("eve", json!({ "email": "Ann+nobody@mail.example" }));
    site.hand_in(&bounce(&mail, "failed", "5.1.1", "550 5.1.1 no such user"));
    assert_eq!(site.suppressed(&site.request("ann")), None, "ann can still reset");
    let again = site.request_with("eve", json!({ "email": "ann+NOBODY@mail.example" }));
    assert!(site.suppressed(&again).is_some_and(|why| why.starts_with("address held")));
}

#[test]
fn an_app_of_one_portal_vouches_for_no_sender() {
    if !is_root("peers") {
        return;
    }
    const CLUB: u32 = 41_002;
    let clients = format!(
        "[mailbox]\nauthserv_ids = [\"mx.shop.example\"]\n[[client]]\nuid = 0\nrole = \"admin\"\n\
         [[client]]\nuid = {CLUB}\nrole = \"app\"\nportals = [\"club\"]\n"
    );
    let site = Site::activated(&Config::new().portal("club", "").more(&clients));
    let (id, mail) = site.mailed("ann");
    let forged = Answer::to(&mail, NOT_ME)
        .bare("reply@in.shop.example", "Hello")
        .header("Authentication-Results", "mx.shop.example; dmarc=pass header.from=mail.example");
    let body = String::from_utf8(forged.build()).unwrap();
    let handed = Peer::new(CLUB, CLUB).ask(&site, "POST", "/v1/inbound", "message/rfc822", &body).expect(202).json();
    let read = site.events().find(|event| event["event"] == "inbound.read" && event["detail"]["inbound"] == handed["id"]);
    assert_eq!(read["detail"]["proof"], "none");
    assert_eq!(site.state(&id), "sent");
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn a_receiver_that_never_answers_holds_up_no_mail() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!(
        "[portal.shop.alert.webhook]\nurl = \"http://127.0.0.1:{}/\"\nsecret_file = \"{{dir}}/hook.secret\"\n",
        listener.local_addr().unwrap().port()
    );
    let mut site = Site::unstarted(&Config::new());
    let config = Config::new().shop(&hook).text(site.path()).replace("[sending]\n", "[sending]\nconnections = 1\n");
    site.configure_as(&config);
    let secret = site.path().join("hook.secret");
    std::fs::write(&secret, "whsec_c29tZSBzZWNyZXQgb2YgYXQgbGVhc3QgMjQgb2N0ZXRz").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    site.start();
    let (_, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, "I can't log in, please help").build());
    // The post has arrived, and will wait for its answer until the daemon gives it up.
    let mut post = BufReader::new(listener.accept().unwrap().0);
    let mut line = String::new();
    post.read_line(&mut line).unwrap();
    assert!(line.starts_with("POST "), "{line}");
    let mut events = site.events();
    let id = site.request("bob");
    let first = events.find(|event| {
        let of_hook = event["event"] == "mail.deferred" && event["detail"]["kind"] == "webhook";
        of_hook || (event["event"] == "mail.sent" && event["reset"] == id.as_str())
    });
    assert_eq!(first["event"], "mail.sent", "bob's mail did not wait for the receiver");
    let _ = post.read(&mut [0; 1]);
}

#[test]
fn an_alert_is_never_answered_to_ourselves() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    for forged in ["reply@in.shop.example", &mail.reply_to(), "help@shop.example"] {
        let before = site.outgoing().to("help@shop.example").len();
        site.hand_in(&Answer::to(&mail, "I can't log in, please help me").from(forged).build());
        site.until_quiet();
        let alerts: Vec<Mail> = site.outgoing().to("help@shop.example");
        assert_eq!(alerts.len(), before + 1, "{forged}");
        assert!(alerts.iter().all(|alert| alert.reply_to() == "help@shop.example"), "{forged}");
    }
}

#[test]
fn a_stream_ends_with_the_role_that_opened_it() {
    let rule = |more: &str| Config::new().portal("club", "").more(&format!("[[client]]\nuid = 0\n{more}\n"));
    if !is_root("the rules name root") {
        return;
    }
    let mut site = Site::with(&rule("role = \"admin\""));
    let mut events = site.events();
    let first = site.request("ann");
    events.until(&first, "mail.sent");
    site.configure(&rule("role = \"app\"\nportals = [\"club\"]"));
    site.daemon().hup();
    let mut body = new_reset("bob", &json!({}));
    body["portal"] = "club".into();
    site.client().post("/v1/resets", &body).expect(202);
    assert!(events.try_next().is_err(), "the stream was opened by an administrator, who is none any more");
    assert!(site.events().one()["portal"] == "club", "and who comes again sees what it may");
}
