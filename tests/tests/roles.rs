//! Who may do what: by the kernel's word on who is at the other end, and the portals of each client.

use resetd_tests::answer::Answer;
use resetd_tests::peer::Peer;
use resetd_tests::site::new_reset;
use resetd_tests::{Config, Site, is_root};
use serde_json::json;

const SHOP: u32 = 41_001;
const CLUB: u32 = 41_002;
const DESK: u32 = 41_003;
const NOBODY: u32 = 41_009;
const CLUB_DESK_GROUP: u32 = 41_100;

fn site() -> Site {
    let clients = format!(
        "[[client]]\nuid = 0\nrole = \"admin\"\n[[client]]\nuid = {SHOP}\nrole = \"app\"\nportals = [\"shop\"]\n\
         [[client]]\nuid = {CLUB}\nrole = \"app\"\nportals = [\"club\"]\n[[client]]\nuid = {DESK}\nrole = \"support\"\n\
         [[client]]\ngid = {CLUB_DESK_GROUP}\nrole = \"support\"\nportals = [\"club\"]\n"
    );
    Site::activated(&Config::new().portal("club", "").more(&clients))
}

#[test]
fn whom_no_rule_names_gets_nothing() {
    if !is_root("roles") {
        return;
    }
    let site = site();
    let nobody = Peer::new(NOBODY, NOBODY);
    for path in ["/v1/status", "/metrics", "/v1/flags", "/v1/events", "/v1/queue", "/v1/templates", "/openapi.json"] {
        let reply = nobody.get(&site, path);
        assert_eq!(reply.problem()["type"], "urn:resetd:problem:forbidden", "{path}");
        assert_eq!(reply.status, 403, "{path}");
    }
    assert_eq!(nobody.post(&site, "/v1/resets", &new_reset("ann", &json!({}))).status, 403);
    assert_eq!(nobody.post(&site, "/v1/examine", &json!({ "portal": null, "send_to": null })).status, 403);
    assert_eq!(nobody.ask(&site, "POST", "/v1/inbound", "message/rfc822", "From: a@b.example\r\n\r\nx").status, 403);
    site.until_quiet();
    assert!(site.log().lines().any(|line| line.contains("http.forbidden") && line.contains(&NOBODY.to_string())), "{}", site.log());
    assert!(site.outgoing().all().is_empty());
    assert!(site.client().get("/v1/events").expect(200).json()["items"].as_array().unwrap().is_empty());
}

#[test]
fn an_app_has_its_own_portals_and_no_flags() {
    if !is_root("roles") {
        return;
    }
    let site = site();
    let (shop, club) = (Peer::new(SHOP, SHOP), Peer::new(CLUB, CLUB));
    let id = shop.post(&site, "/v1/resets", &new_reset("ann", &json!({}))).expect(202).json()["id"].as_str().unwrap().to_owned();
    site.events().until(&id, "mail.sent");
    let mail = site.outgoing().of_reset(&id);
    // Another portal's: as if it were not there.
    assert_eq!(club.post(&site, "/v1/resets", &new_reset("ann", &json!({}))).status, 403);
    assert_eq!(club.get(&site, &format!("/v1/resets/{id}")).status, 404);
    assert_eq!(club.ask(&site, "DELETE", &format!("/v1/resets/{id}"), "", "").status, 404);
    assert_eq!(club.ask(&site, "POST", &format!("/v1/resets/{id}/completed"), "", "").status, 404);
    let stolen = club.post(&site, "/v1/resets/redeem", &json!({ "token": mail.token() })).expect(404);
    let unknown = club.post(&site, "/v1/resets/redeem", &json!({ "token": "x" })).expect(404);
    assert_eq!(stolen.text(), unknown.text());
    assert_eq!(club.post(&site, "/v1/resets/redeem", &json!({ "portal": "shop", "account": "ann", "code": "12345678" })).status, 403);
    assert!(club.get(&site, "/v1/events").expect(200).json()["items"].as_array().unwrap().is_empty());
    assert_eq!(club.post(&site, "/v1/templates/preview", &json!({ "portal": "shop", "wording": "easy" })).status, 404);
    assert_eq!(
        club.post(&site, "/v1/login-failures", &json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example" })).status,
        403
    );
    // Its own: yes; what is support's and admin's: no.
    assert_eq!(shop.get(&site, &format!("/v1/resets/{id}")).status, 200);
    assert!(!shop.get(&site, "/v1/events").expect(200).json()["items"].as_array().unwrap().is_empty());
    for path in ["/v1/flags", "/v1/flags/1", "/v1/flags/1/message", "/v1/queue", "/metrics"] {
        assert_eq!(shop.get(&site, path).status, 403, "{path}");
    }
    assert_eq!(shop.post(&site, "/v1/flags/1/resolve", &json!({ "outcome": "ok" })).status, 403);
    for uid in [SHOP, CLUB] {
        assert!(site.log().lines().any(|line| line.contains("http.forbidden") && line.contains(&uid.to_string())), "{}", site.log());
    }
    assert_eq!(shop.ask(&site, "POST", "/v1/queue/1/retry", "", "").status, 403);
    assert_eq!(shop.post(&site, "/v1/resets/redeem", &json!({ "token": mail.token() })).status, 200);
}

#[test]
fn support_sees_flags_and_timelines_and_asks_for_nothing() {
    if !is_root("roles") {
        return;
    }
    let site = site();
    let (id, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, "This wasn't me!").build());
    let desk = Peer::new(DESK, DESK);
    let flags = desk.get(&site, "/v1/flags").expect(200).json();
    let number = flags["items"][0]["id"].clone();
    assert_eq!(desk.get(&site, &format!("/v1/flags/{number}/message")).status, 200);
    assert_eq!(desk.get(&site, &format!("/v1/resets/{id}")).status, 200);
    assert_eq!(desk.get(&site, "/v1/events").status, 200);
    assert_eq!(desk.post(&site, "/v1/resets", &new_reset("bob", &json!({}))).status, 403);
    assert_eq!(desk.post(&site, "/v1/resets/inspect", &json!({ "token": mail.token() })).status, 404);
    assert_eq!(desk.ask(&site, "DELETE", &format!("/v1/resets/{id}"), "", "").status, 404);
    assert_eq!(desk.get(&site, "/v1/queue").status, 403);
    assert_eq!(desk.post(&site, "/v1/examine", &json!({ "portal": null, "send_to": null })).status, 403);
    let resolved = desk.post(&site, &format!("/v1/flags/{number}/resolve"), &json!({ "outcome": "called", "by": "jo" })).expect(200).json();
    let by = resolved["resolution"]["by"].as_str().unwrap();
    assert!(by.contains("jo") && by.contains(&DESK.to_string()), "the kernel's word stands beside the client's: {by}");
}

#[test]
fn a_group_counts_and_has_its_portals() {
    if !is_root("roles") {
        return;
    }
    let site = site();
    let (_, shop) = site.mailed("ann");
    let (club_id, club) = site.mailed_with("bob", json!({ "portal": "club" }));
    site.hand_in(&Answer::to(&shop, "Please help me").build());
    site.hand_in(&Answer::to(&club, "Please help me").build());
    let desk = Peer::new(NOBODY, CLUB_DESK_GROUP);
    let flags = desk.get(&site, "/v1/flags").expect(200).json();
    let resets: Vec<&str> = flags["items"].as_array().unwrap().iter().map(|flag| flag["reset"].as_str().unwrap()).collect();
    assert_eq!(resets, [club_id.as_str()]);
    let others = site.flags().iter().find(|flag| flag["portal"] == "shop").unwrap()["id"].clone();
    for path in [format!("/v1/flags/{others}"), format!("/v1/flags/{others}/message")] {
        assert_eq!(desk.get(&site, &path).status, 404, "{path}");
    }
    assert_eq!(desk.post(&site, &format!("/v1/flags/{others}/resolve"), &json!({ "outcome": "ok" })).status, 404);
    let events = desk.get(&site, "/v1/events?limit=500").expect(200).json();
    assert!(events["items"].as_array().unwrap().iter().all(|event| event["portal"] == "club"));
}

#[test]
fn idempotency_keys_are_each_users_own() {
    if !is_root("roles") {
        return;
    }
    let site =
        Site::activated(&Config::new().more(&format!("[[client]]\nuid = 0\nrole = \"admin\"\n[[client]]\nuid = {SHOP}\nrole = \"app\"\n")));
    let body = new_reset("ann", &json!({})).to_string();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
    let first = site.client().ask("POST", "/v1/resets", &headers, body.as_bytes()).expect(202);
    // The peer sends no key; root's key does not shadow anybody's request.
    let other = Peer::new(SHOP, SHOP).ask(&site, "POST", "/v1/resets", "application/json", &body).expect(202);
    assert_ne!(first.json()["id"], other.json()["id"]);
}

#[test]
fn without_rules_root_is_admin_and_strangers_are_nothing() {
    if !is_root("roles") {
        return;
    }
    let site = Site::activated(&Config::new());
    assert_eq!(site.client().get("/v1/status").status, 200);
    assert_eq!(Peer::new(NOBODY, NOBODY).get(&site, "/v1/status").status, 403);
}

#[test]
fn where_rules_are_given_only_those_count() {
    if !is_root("roles") {
        return;
    }
    let site = Site::activated(&Config::new().more(&format!("[[client]]\nuid = {SHOP}\nrole = \"admin\"\n")));
    assert_eq!(site.client().get("/v1/status").status, 403, "not even root");
    assert_eq!(Peer::new(SHOP, SHOP).get(&site, "/v1/queue").status, 200);
}

#[test]
fn users_and_groups_by_name() {
    if !is_root("roles") {
        return;
    }
    let config =
        Config::new().more("[[client]]\nuser = \"nobody\"\nrole = \"admin\"\n[[client]]\ngroup = \"nogroup\"\nrole = \"support\"\n");
    let site = Site::activated(&config);
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    assert_eq!(Peer::new(nobody.uid.as_raw(), nobody.gid.as_raw()).get(&site, "/v1/queue").status, 200);
    let other = Peer::new(NOBODY, nix::unistd::Group::from_name("nogroup").unwrap().unwrap().gid.as_raw());
    assert_eq!((other.get(&site, "/v1/flags").status, other.get(&site, "/v1/queue").status), (200, 403));
}

#[test]
fn a_socket_of_its_own_is_closed_to_strangers() {
    if !is_root("roles") {
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&site.socket()), 0o660);
    assert_eq!(mode(&site.path().join("state")), 0o700);
    for entry in std::fs::read_dir(site.path().join("state")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
