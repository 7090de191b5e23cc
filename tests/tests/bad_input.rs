//! Law 9: bad input gets a clear error that names the field and the rule, and changes nothing.

use resetd_tests::{Client, Config, Site};
use serde_json::{Value, json};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

/// A request with something wrong in it, and what the answer must name.
struct Bad {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    field: Option<String>,
}

impl Bad {
    fn post(path: &str, body: &Value, field: &str) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self { method: "POST", path: path.into(), headers, body: body.to_string().into_bytes(), status: 400, field: Some(field.into()) }
    }

    fn raw(path: &str, body: &[u8]) -> Self {
        let headers = vec![("Content-Type", "application/json".to_owned())];
        Self { method: "POST", path: path.into(), headers, body: body.to_vec(), status: 400, field: None }
    }

    fn get(path: &str, field: &str) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new(), body: Vec::new(), status: 400, field: Some(field.into()) }
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(is, _)| *is != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    fn field(mut self, field: &str) -> Self {
        self.field = Some(field.into());
        self
    }

    fn no_field(mut self) -> Self {
        self.field = None;
        self
    }
}

/// Sends each; the answer must be its problem, and nothing may have happened.
#[track_caller]
fn refuse(site: &Site, list: Vec<Bad>) {
    let mut client = site.client();
    for bad in list {
        let before = everything(&mut client);
        let what = format!("{} {} {}", bad.method, bad.path, String::from_utf8_lossy(&bad.body[..bad.body.len().min(200)]));
        let headers: Vec<(&str, &str)> = bad.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = client.ask(bad.method, &bad.path, &headers, &bad.body);
        assert_eq!(reply.status, bad.status, "{what}: {}", reply.text());
        let problem = reply.problem();
        assert_eq!(problem["field"].as_str(), bad.field.as_deref(), "{what}: {problem}");
        if bad.field.is_some() {
            assert!(problem["rule"].as_str().is_some_and(|rule| rule.len() > 5), "{what}: no rule in {problem}");
        }
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{what}: {problem}");
        assert_eq!(everything(&mut client), before, "{what} changed something");
    }
}

/// What a change would show in: the timeline, the queue, flags, the counts of status.
fn everything(client: &mut Client) -> Value {
    let mut status = client.get("/v1/status").expect(200).json();
    status["now"] = Value::Null;
    let events = client.get("/v1/events?limit=500").expect(200).json();
    let queue = client.get("/v1/queue").expect(200).json();
    let flags = client.get("/v1/flags").expect(200).json();
    json!([status, events, queue, flags])
}

fn reset_with(field: &str, value: Value) -> Value {
    let mut body = json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example", "client": { "ip": "203.0.113.7" } });
    match field.split_once('.') {
        Some((outer, inner)) => body[outer][inner] = value,
        None => body[field] = value,
    }
    body
}

fn without(field: &str) -> Value {
    let mut body = reset_with("portal", json!("shop"));
    body.as_object_mut().unwrap().remove(field);
    body
}

/// Values that no field takes, and those that only this one refuses.
fn bad_fields() -> Vec<(&'static str, Value)> {
    let mut list = vec![
        ("portal", json!("Shop!")),
        ("portal", json!("")),
        ("portal", json!("a".repeat(41))),
        ("portal", json!("9shop")),
        ("account", json!("")),
        ("account", json!("a".repeat(201))),
        ("account", json!("a\nb")),
        ("account", json!("a\u{0}b")),
        ("account", json!("a\u{202e}b")),
        ("email", Value::Null),
        ("email", json!("")),
        ("email", json!("ann")),
        ("email", json!("@mail.example")),
        ("email", json!("ann@")),
        ("email", json!("ann@mail..example")),
        ("email", json!("ann@-mail.example")),
        ("email", json!("ann@[127.0.0.1]")),
        ("email", json!("ann@127.0.0.1")),
        ("email", json!("\"ann\"@mail.example")),
        ("email", json!("ann other@mail.example")),
        ("email", json!("Ann <ann@mail.example>")),
        ("email", json!("ann@mail.example,bob@mail.example")),
        ("email", json!("ann@mail.example\r\nBcc: eve@mail.example")),
        ("email", json!("ann>\r\nRCPT TO:<eve@mail.example")),
        ("email", json!("ann\u{200b}@mail.example")),
        ("email", json!(format!("{}@mail.example", "a".repeat(65)))),
        ("email", json!(format!("ann@{}.example", "a.".repeat(130)))),
        ("name", json!("Ann\r\nBcc: eve@mail.example")),
        ("name", json!("a".repeat(101))),
        ("name", json!("\u{202e}nnA")),
        ("locale", json!("e")),
        ("locale", json!("en/../x")),
        ("locale", json!("en-")),
        ("locale", json!("e".repeat(40))),
        ("method", json!("sms")),
        ("method", json!("Link")),
        ("method", json!({ "link": null })),
        ("wording", json!("../easy")),
        ("wording", json!("no-such-wording")),
        ("wording", json!("ack")),
        ("wording", json!("{{ link }}")),
        ("client.ip", json!("1.2.3")),
        ("client.ip", json!("203.0.113.7:80")),
        ("client.ip", json!("203.0.113.0/24")),
        ("client.ip", json!("localhost")),
        ("client.user_agent", json!("a".repeat(501))),
        ("client.user_agent", json!("a\r\nb")),
        ("client.port", json!(1)),
        ("valid_since", json!("yesterday")),
        ("valid_since", json!("2024-13-01T00:00:00Z")),
        ("valid_since", json!(1_714_521_600)),
        ("mail", json!("ann@mail.example")),
        ("client", json!("203.0.113.7")),
    ];
    for field in ["portal", "account", "email", "name", "locale", "method", "wording", "client.ip", "client.user_agent"] {
        list.extend([json!(7), json!([]), json!({}), json!(true)].map(|value| (field, value)));
    }
    list
}

#[test]
fn requests() {
    let site = Site::new();
    let path = "/v1/resets";
    let mut list: Vec<Bad> = bad_fields().into_iter().map(|(field, value)| Bad::post(path, &reset_with(field, value), field)).collect();
    list.extend(["portal", "account", "email"].map(|field| Bad::post(path, &without(field), field)));
    let good = reset_with("portal", json!("shop")).to_string();
    list.push(Bad::raw(path, good.replace('}', ",\"email\":\"bob@mail.example\"}").as_bytes()).field("client.email"));
    list.push(Bad::raw(path, format!("{},\"email\":\"bob@mail.example\"}}", &good[..good.len() - 1]).as_bytes()).field("email"));
    refuse(&site, list);
}

#[test]
fn idempotency_keys() {
    let site = Site::new();
    let body = reset_with("portal", json!("shop"));
    let with = |key: &str| Bad::post("/v1/resets", &body, "Idempotency-Key").header("Idempotency-Key", key);
    let mut twice = with("a");
    twice.headers.push(("Idempotency-Key", "b".into()));
    refuse(&site, vec![with(""), with("a b"), with("ä"), with(&"a".repeat(256)), twice]);
}

#[test]
fn a_portal_that_is_not_there() {
    let site = Site::new();
    let list = ["/v1/resets", "/v1/login-failures"].map(|path| {
        let mut body = reset_with("portal", json!("club"));
        body.as_object_mut().unwrap().remove("client");
        Bad::post(path, &body, "").status(403).no_field()
    });
    refuse(&site, list.into());
}

#[test]
fn secrets() {
    let site = Site::new();
    let mut list = Vec::new();
    for path in ["/v1/resets/inspect", "/v1/resets/redeem"] {
        let code = json!({ "portal": "shop", "account": "ann", "code": "12345678" });
        let replaced = |field: &str, value: Value| {
            let mut body = code.clone();
            body[field] = value;
            body
        };
        list.extend([
            Bad::post(path, &json!({}), "token"),
            Bad::post(path, &json!({ "token": "" }), "token"),
            Bad::post(path, &json!({ "token": "t".repeat(201) }), "token"),
            Bad::post(path, &json!({ "token": 5 }), "token"),
            Bad::post(path, &json!({ "token": "t", "code": "1" }), "token"),
            Bad::post(path, &json!({ "token": "t", "portal": "shop" }), "token"),
            Bad::post(path, &json!({ "account": "ann", "code": "1" }), "portal"),
            Bad::post(path, &json!({ "portal": "shop", "code": "1" }), "account"),
            Bad::post(path, &json!({ "portal": "shop", "account": "ann" }), "code"),
            Bad::post(path, &replaced("code", json!("")), "code"),
            Bad::post(path, &replaced("code", json!("1".repeat(41))), "code"),
            Bad::post(path, &replaced("code", json!(12_345_678)), "code"),
            Bad::post(path, &replaced("portal", json!("Shop!")), "portal"),
            Bad::post(path, &replaced("account", json!("a\nb")), "account"),
            Bad::post(path, &replaced("extra", json!(1)), "extra"),
            Bad::raw(path, b"{\"token\":\"t\"} x"),
            Bad::post(path, &replaced("portal", json!("club")), "").status(403).no_field(),
        ]);
    }
    refuse(&site, list);
}

#[test]
fn login_failures() {
    let site = Site::new();
    let path = "/v1/login-failures";
    let mut list: Vec<Bad> = bad_fields()
        .into_iter()
        .filter(|(field, _)| *field != "wording")
        .map(|(field, value)| Bad::post(path, &reset_with(field, value), field))
        .collect();
    list.push(Bad::post(path, &reset_with("account", Value::Null), "account"));
    list.push(Bad::post(path, &reset_with("success", json!("yes")), "success"));
    list.push(Bad::post(path, &reset_with("wording", json!("easy")), "wording"));
    list.extend(["portal", "account", "email"].map(|field| Bad::post(path, &without(field), field)));
    refuse(&site, list);
}

#[test]
fn ids_in_paths() {
    let site = Site::new();
    let unknown = "01a209cf-1a51-7a24-b2b1-66a97a515bdb";
    let mut list = Vec::new();
    for id in ["x", "1", "01a209cf-1a51-7a24-b2b1", "..%2f..", "%00", "01a209cf1a517a24b2b166a97a515bdbff"] {
        list.push(Bad::get(&format!("/v1/resets/{id}"), "id"));
        list.push(Bad::get(&format!("/v1/resets/{id}"), "id").method("DELETE"));
        list.push(Bad::get(&format!("/v1/resets/{id}/completed"), "id").method("POST"));
    }
    for path in [format!("/v1/resets/{unknown}"), "/v1/flags/7".into(), "/v1/flags/7/message".into(), "/v1/flags/-1".into()] {
        list.push(Bad::get(&path, "").status(404).no_field());
    }
    list.push(Bad::get(&format!("/v1/resets/{unknown}"), "").method("DELETE").status(404).no_field());
    list.push(Bad::get(&format!("/v1/resets/{unknown}/completed"), "").method("POST").status(404).no_field());
    list.push(Bad::get("/v1/queue/7/retry", "").method("POST").status(404).no_field());
    for id in ["x", "7.5", "99999999999999999999", "%20"] {
        list.push(Bad::get(&format!("/v1/flags/{id}"), "id"));
        list.push(Bad::get(&format!("/v1/flags/{id}/message"), "id"));
        list.push(Bad::post(&format!("/v1/flags/{id}/resolve"), &json!({ "outcome": "ok" }), "id"));
        list.push(Bad::get(&format!("/v1/queue/{id}/retry"), "id").method("POST"));
    }
    refuse(&site, list);
}

#[test]
fn queries() {
    let site = Site::new();
    let mut list = Vec::new();
    for path in ["/v1/flags", "/v1/events", "/v1/queue"] {
        for limit in ["0", "501", "-1", "x", "", "1e3"] {
            list.push(Bad::get(&format!("{path}?limit={limit}"), "limit"));
        }
        for after in ["x", "-1", "", "99999999999999999999"] {
            list.push(Bad::get(&format!("{path}?after={after}"), "after"));
        }
        list.push(Bad::get(&format!("{path}?limit=1&limit=2"), "limit"));
        list.push(Bad::get(&format!("{path}?lmit=1"), "lmit"));
    }
    list.push(Bad::get("/v1/flags?state=closed", "state"));
    list.push(Bad::get("/v1/flags?severity=worst", "severity"));
    list.push(Bad::get("/v1/flags?portal=Shop", "portal"));
    list.push(Bad::get("/v1/flags?account=", "account"));
    list.push(Bad::get("/v1/events", "Last-Event-ID").header("Accept", "text/event-stream").header("Last-Event-ID", "x"));
    refuse(&site, list);
}

#[test]
fn flags_and_wordings() {
    let site = Site::new();
    let (_, mail) = site.mailed("ann");
    site.hand_in(&resetd_tests::Answer::to(&mail, "Please help me").build());
    site.until_quiet();
    let flag = site.flags()[0]["id"].clone();
    let path = format!("/v1/flags/{flag}/resolve");
    let preview = "/v1/templates/preview";
    refuse(
        &site,
        vec![
            Bad::post(&path, &json!({}), "outcome"),
            Bad::post(&path, &json!({ "outcome": "" }), "outcome"),
            Bad::post(&path, &json!({ "outcome": "a".repeat(101) }), "outcome"),
            Bad::post(&path, &json!({ "outcome": "a\nb" }), "outcome"),
            Bad::post(&path, &json!({ "outcome": 1 }), "outcome"),
            Bad::post(&path, &json!({ "outcome": "ok", "note": "\u{7}" }), "note"),
            Bad::post(&path, &json!({ "outcome": "ok", "note": "a".repeat(4001) }), "note"),
            Bad::post(&path, &json!({ "outcome": "ok", "by": "a".repeat(101) }), "by"),
            Bad::post(&path, &json!({ "outcome": "ok", "state": "open" }), "state"),
            Bad::post("/v1/flags/99/resolve", &json!({ "outcome": "ok" }), "").status(404).no_field(),
            Bad::post(preview, &json!({ "portal": "shop" }), "wording"),
            Bad::post(preview, &json!({ "wording": "easy" }), "portal"),
            Bad::post(preview, &json!({ "portal": "shop", "wording": "no-such" }), "wording"),
            Bad::post(preview, &json!({ "portal": "shop", "wording": "../x" }), "wording"),
            Bad::post(preview, &json!({ "portal": "shop", "wording": "easy", "locale": "?" }), "locale"),
            Bad::post(preview, &json!({ "portal": "shop", "wording": "easy", "method": "fax" }), "method"),
            Bad::post(preview, &json!({ "portal": "club", "wording": "easy" }), "").status(404).no_field(),
        ],
    );
}

#[test]
fn what_is_no_json() {
    let site = Site::new();
    let posts =
        ["/v1/resets", "/v1/resets/inspect", "/v1/resets/redeem", "/v1/login-failures", "/v1/templates/preview", "/v1/flags/1/resolve"];
    let mut list = Vec::new();
    for path in posts {
        for body in [&b""[..], b"{", b"{]", b"nonsense", b"\xff\xfe{}", "\u{feff}{}".as_bytes()] {
            list.push(Bad::raw(path, body));
        }
        list.push(Bad::raw(path, b"[]").field("body"));
        list.push(Bad::raw(path, "[".repeat(10_000).as_bytes()).field("body"));
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json", ""] {
            list.push(Bad::raw(path, b"{}").header("Content-Type", kind).status(415).field("Content-Type"));
        }
        list.push(Bad::raw(path, b"{}").header("Content-Encoding", "gzip").status(415).field("Content-Type"));
        list.push(Bad::raw(path, &vec![b' '; 64 * 1024 + 1]).status(413));
    }
    refuse(&site, list);
}

#[test]
fn messages() {
    let site = Site::new();
    let inbound = |body: &[u8]| Bad::raw("/v1/inbound", body).header("Content-Type", "message/rfc822");
    refuse(
        &site,
        vec![
            inbound(b""),
            inbound(b"From: a@b.example\r\n\r\nx").header("Content-Type", "text/plain").status(415).field("Content-Type"),
            inbound(b"{}").header("Content-Type", "application/json").status(415).field("Content-Type"),
            inbound(&vec![b'a'; 10 * 1024 * 1024 + 1]).status(413),
        ],
    );
    assert_eq!(site.client().hand_in(&[b"From: a@b.example\r\n\r\n".to_vec(), vec![b'a'; 1024 * 1024]].concat()).status, 202);
}

#[test]
fn a_bad_body_echoes_no_secret() {
    let site = Site::with(&Config::new().shop("method = \"both\""));
    let (_, mail) = site.mailed("ann");
    for body in [
        format!("{{\"token\":\"{}\",\"x\":1}}", mail.token()),
        format!("{{\"tokn\":\"{}\"}}", mail.token()),
        format!("{{\"{}\":1}}", mail.token()),
        format!("{{\"token\":[\"{}\"]}}", mail.token()),
        format!("{{\"token\":\"{}\"", mail.token()),
        format!("{{\"portal\":\"shop\",\"account\":\"ann\",\"code\":{}}}", mail.code()),
        format!("{{\"portal\":\"{}\",\"account\":\"ann\",\"code\":\"x\"}}", mail.token()),
        mail.token(),
        mail.code(),
    ] {
        for path in ["/v1/resets/redeem", "/v1/resets/inspect", "/v1/resets"] {
            let reply = site.client().ask("POST", path, JSON, body.as_bytes());
            assert!((400..500).contains(&reply.status));
            for secret in [mail.token(), mail.code()] {
                assert!(!reply.text().contains(&secret), "{path} {body}: {}", reply.text());
            }
        }
    }
    for path in [
        format!("/{}", mail.token()),
        format!("/v1/resets/{}", mail.token()),
        format!("/v1/flags?{}=1", mail.token()),
        format!("/v1/flags?state={}", mail.code()),
    ] {
        let reply = site.client().get(&path);
        assert!((400..500).contains(&reply.status));
        assert!(!reply.text().contains(&mail.token()) && !reply.text().contains(&mail.code()), "{path}: {}", reply.text());
    }
    let log = site.log();
    assert!(!log.contains(&mail.token()) && !log.contains(&mail.code()));
}
