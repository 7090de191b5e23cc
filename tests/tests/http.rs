//! HTTP/1.1 on the socket: methods, sizes, media types, slow and strange clients, and the description that is served.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use resetd_tests::client::{Reply, read_reply};
use resetd_tests::site::new_reset;
use resetd_tests::{Config, Site};
use serde_json::{Value, json};

fn raw(site: &Site, bytes: &[u8]) -> (BufReader<UnixStream>, Reply) {
    let mut stream = BufReader::new(UnixStream::connect(site.socket()).unwrap());
    stream.get_mut().write_all(bytes).unwrap();
    let reply = read_reply(&mut stream).unwrap();
    (stream, reply)
}

#[test]
fn every_path_has_its_methods() {
    let site = Site::new();
    let mut client = site.client();
    let id = "01a209cf-1a51-7a24-b2b1-66a97a515bdb";
    for (path, allowed) in [
        ("/v1/resets".to_owned(), &["POST"][..]),
        (format!("/v1/resets/{id}"), &["GET", "DELETE"]),
        ("/v1/resets/inspect".into(), &["POST"]),
        ("/v1/resets/redeem".into(), &["POST"]),
        (format!("/v1/resets/{id}/completed"), &["POST"]),
        ("/v1/login-failures".into(), &["POST"]),
        ("/v1/flags".into(), &["GET"]),
        ("/v1/flags/1".into(), &["GET"]),
        ("/v1/flags/1/message".into(), &["GET"]),
        ("/v1/flags/1/resolve".into(), &["POST"]),
        ("/v1/events".into(), &["GET"]),
        ("/v1/inbound".into(), &["POST"]),
        ("/v1/queue".into(), &["GET"]),
        ("/v1/queue/1/retry".into(), &["POST"]),
        ("/v1/status".into(), &["GET"]),
        ("/v1/templates".into(), &["GET"]),
        ("/v1/templates/preview".into(), &["POST"]),
        ("/metrics".into(), &["GET"]),
        ("/openapi.json".into(), &["GET"]),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            if allowed.contains(&method) {
                let reply = client.ask(method, &path, &[], b"");
                assert!(
                    ![404, 405].contains(&reply.status) || reply.problem()["type"] != "urn:resetd:problem:no-such-path",
                    "{method} {path}"
                );
                assert_ne!(reply.status, 405, "{method} {path}");
                continue;
            }
            let reply = client.ask(method, &path, &[], b"").expect(405);
            assert_eq!(reply.problem()["type"], "urn:resetd:problem:method-not-allowed");
            let allow = reply.header("allow").unwrap_or_default().to_owned();
            assert!(allowed.iter().all(|method| allow.contains(method)), "{method} {path}: Allow: {allow}");
        }
    }
    for path in ["/", "/v1", "/v2/resets", "/v1/resets/", "/v1/status/x", "/reset?t=abc", "/v1/Resets"] {
        let reply = client.get(path);
        assert!([404, 400].contains(&reply.status), "{path}: {}", reply.status);
        reply.problem();
    }
}

#[test]
fn a_body_may_have_64_kib_and_not_more() {
    let site = Site::new();
    let mut body = json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example" }).to_string();
    body.push_str(&" ".repeat(64 * 1024 - body.len()));
    let headers = [("Content-Type", "application/json")];
    site.client().ask("POST", "/v1/resets", &headers, body.as_bytes()).expect(202);
    body.push(' ');
    let reply = site.client().ask("POST", "/v1/resets", &headers, body.as_bytes()).expect(413);
    assert_eq!(reply.problem()["type"], "urn:resetd:problem:too-large");
    // The same without saying so before: in chunks.
    let chunked = format!(
        "POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert_eq!(raw(&site, chunked.as_bytes()).1.status, 413);
    // Announced, and never sent.
    let announced = "POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n";
    assert_eq!(raw(&site, announced.as_bytes()).1.status, 413);
}

#[test]
fn chunks_are_read() {
    let site = Site::new();
    let body = json!({ "portal": "shop", "account": "ann", "email": "ann@mail.example" }).to_string();
    let (left, right) = body.split_at(20);
    let request = format!(
        "POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{left}\r\n{:x}\r\n{right}\r\n0\r\n\r\n",
        left.len(),
        right.len()
    );
    assert_eq!(raw(&site, request.as_bytes()).1.status, 202);
}

#[test]
fn what_is_no_http_is_told_so() {
    let site = Site::new();
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /v1/status HTTP/9.9\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nno colon\r\n\r\n",
    ] {
        let (mut stream, reply) = raw(&site, bytes);
        assert_eq!(reply.status, 400, "{}", String::from_utf8_lossy(bytes));
        assert_eq!(reply.problem()["type"], "urn:resetd:problem:malformed");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "and it hangs up");
    }
    let long = format!("GET /v1/status HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(70_000));
    assert_eq!(raw(&site, long.as_bytes()).1.status, 431);
    let many = format!("GET /v1/status HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    assert_eq!(raw(&site, many.as_bytes()).1.status, 431);
    site.client().get("/v1/status").expect(200);
}

#[test]
fn smuggled_requests_are_not_heard() {
    let site = Site::new();
    let inner = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = format!(
        "POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
        inner.len() + 5
    );
    let (_, reply) = raw(&site, both.as_bytes());
    assert!((400..500).contains(&reply.status), "{}", reply.status);
    let twice = "POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x";
    assert_eq!(raw(&site, twice.as_bytes()).1.status, 400);
}

#[test]
fn a_slow_head_has_an_end_and_holds_up_nobody() {
    let site = Site::with(&Config::new().more("[server]\nsocket = \"{dir}/s\"\nheader_timeout = \"1s\"\nidle_timeout = \"1s\""));
    let mut slow = BufReader::new(UnixStream::connect(site.socket()).unwrap());
    slow.get_mut().write_all(b"GET /v1/status HTTP/1.1\r\nHost:").unwrap();
    let mut silent = UnixStream::connect(site.socket()).unwrap();
    let mut half = BufReader::new(UnixStream::connect(site.socket()).unwrap());
    half.get_mut()
        .write_all(b"POST /v1/resets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        .unwrap();
    site.client().get("/v1/status").expect(200);
    // All three are ended by the daemon; nothing here does.
    assert_eq!(read_reply(&mut slow).unwrap().status, 408);
    assert_eq!(read_reply(&mut half).unwrap().status, 408);
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).unwrap();
}

#[test]
fn connections_are_bounded_and_wait_their_turn() {
    let site = Site::with(&Config::new().more("[server]\nsocket = \"{dir}/s\"\nmax_connections = 3"));
    let mut first: Vec<_> = (0..3).map(|_| site.client()).collect();
    for client in &mut first {
        client.get("/v1/status").expect(200);
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let waiting = std::thread::scope(|scope| {
        scope.spawn(|| sender.send(site.client().get("/v1/status").status).unwrap());
        for client in &mut first {
            client.get("/v1/status").expect(200);
        }
        assert!(receiver.try_recv().is_err(), "a fourth connection was served");
        first.pop();
        receiver.recv().unwrap()
    });
    assert_eq!(waiting, 200);
}

#[test]
fn a_connection_carries_many_requests() {
    let site = Site::new();
    let mut stream = BufReader::new(UnixStream::connect(site.socket()).unwrap());
    for _ in 0..200 {
        stream.get_mut().write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(read_reply(&mut stream).unwrap().status, 200);
    }
    // Pipelined: answered in order.
    stream
        .get_mut()
        .write_all(&b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/flags/7 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5))
        .unwrap();
    for _ in 0..5 {
        assert_eq!(read_reply(&mut stream).unwrap().status, 200);
        assert_eq!(read_reply(&mut stream).unwrap().status, 404);
    }
}

#[test]
fn who_is_refused_before_the_body_was_read_is_told_that_the_connection_ends() {
    let site = Site::new();
    let long = " ".repeat(70_000);
    for (method, path, kind, status) in [
        ("POST", "/v1/resets", "application/json", 413),
        ("POST", "/v1/resets", "text/plain", 415),
        ("PUT", "/v1/resets", "application/json", 405),
        ("POST", "/nowhere", "application/json", 404),
    ] {
        let reply = site.client().ask(method, path, &[("Content-Type", kind)], long.as_bytes());
        assert_eq!((reply.status, reply.header("connection")), (status, Some("close")), "{method} {path}");
    }
    // One whose body was read keeps its connection.
    let reply = site.client().post("/v1/resets", &json!({}));
    assert_eq!((reply.status, reply.header("connection")), (400, None));
}

#[test]
fn nothing_is_kept_by_caches() {
    let site = Site::new();
    let mut client = site.client();
    for reply in [client.get("/v1/status"), client.get("/nowhere"), client.post("/v1/resets", &json!({}))] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn the_served_description_is_the_committed_one() {
    let site = Site::new();
    let served = site.client().get("/openapi.json").expect(200).json();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let committed: Value = serde_json::from_slice(&std::fs::read(committed).unwrap()).unwrap();
    assert_eq!(served, committed);
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn every_described_path_is_served_and_every_answer_is_described() {
    let site = Site::new();
    let description = site.client().get("/openapi.json").expect(200).json();
    let paths = description["paths"].as_object().unwrap();
    let expected = [
        "/v1/resets",
        "/v1/resets/{id}",
        "/v1/resets/inspect",
        "/v1/resets/redeem",
        "/v1/resets/{id}/completed",
        "/v1/login-failures",
        "/v1/flags",
        "/v1/flags/{id}",
        "/v1/flags/{id}/message",
        "/v1/flags/{id}/resolve",
        "/v1/events",
        "/v1/inbound",
        "/v1/queue",
        "/v1/queue/{id}/retry",
        "/v1/status",
        "/v1/templates",
        "/v1/templates/preview",
        "/metrics",
        "/openapi.json",
    ];
    for path in expected {
        assert!(paths.contains_key(path), "DESIGN §7 has {path}");
    }
    let mut client = site.client();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let concrete = path.replace("{id}", if path.contains("resets") { "01a209cf-1a51-7a24-b2b1-66a97a515bdb" } else { "1" });
            let reply = client.ask(&method.to_uppercase(), &concrete, &[], b"");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key(&reply.status.to_string()), "{method} {path} answers {}: {}", reply.status, reply.text());
        }
    }
}

#[test]
fn metrics_are_prometheus_text() {
    let site = Site::new();
    site.mailed("ann");
    let reply = site.client().get("/metrics").expect(200);
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    let text = reply.text();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("resetd_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(text.contains("mail_sent") || text.contains("mail.sent"), "{text}");
    assert!(!text.contains("ann@mail.example"));
}

#[test]
fn wordings_are_listed_and_shown() {
    let site = Site::new();
    let list = site.client().get("/v1/templates").expect(200).json();
    let names: Vec<&str> = list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    for name in [
        "easy",
        "code",
        "change-link",
        "bare-link",
        "tell-us",
        "time-limited",
        "monitored",
        "friendly",
        "failed-logins",
        "changed",
        "ack",
        "alert",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
        let shown = site.client().post("/v1/templates/preview", &json!({ "portal": "shop", "wording": name })).expect(200).json();
        assert!(
            !shown["subject"].as_str().unwrap().is_empty()
                && shown["html"].as_str().unwrap().contains("<")
                && !shown["text"].as_str().unwrap().is_empty()
        );
    }
    site.until_quiet();
    assert!(site.outgoing().all().is_empty(), "a preview mails nothing");
}

#[test]
fn every_wording_goes_out_with_link_code_or_both() {
    let site = Site::new();
    for wording in ["easy", "code", "change-link", "bare-link", "tell-us", "time-limited", "monitored", "friendly", "failed-logins"] {
        for method in ["link", "code", "both"] {
            let account = format!("{wording}.{method}");
            let (_, mail) = site.mailed_with(&account, json!({ "wording": wording, "method": method, "name": "Ann Other" }));
            let (has_link, has_code) = (method != "code", method != "link");
            assert_eq!(mail.text().contains("https://shop.example/reset?t="), has_link, "{wording} {method}: {}", mail.text());
            assert_eq!(mail.html().contains("https://shop.example/reset?t="), has_link, "{wording} {method}");
            if has_link {
                assert!(mail.link().len() <= 200);
                site.inspect(&mail.token()).expect(200);
            }
            if has_code {
                assert!(mail.html().contains(&mail.code()[..4]), "{wording} {method}: {}", mail.html());
                site.redeem_code(&account, &mail.code()).expect(200);
            }
            let text = mail.text().to_lowercase();
            assert!(text.contains("wasn't you") || text.contains("not you"), "{wording} {method}: {text}");
        }
    }
}

#[test]
fn nothing_a_caller_sends_gets_into_headers_html_or_templates() {
    let site = Site::new();
    let name = "{{ link }} {% include 'x' %} <img src=x onerror=alert(1)> \"Ann\" <eve@mail.example>, Bob";
    let (_, mail) = site.mailed_with("<b>ann</b>{{7*7}}", json!({ "email": "ann@mail.example", "name": name, "wording": "tell-us" }));
    let html = mail.html();
    assert!(!html.contains("<img src=x") && !html.contains("<b>ann</b>"), "{html}");
    // A token may hold any two digits.
    let text = mail.text().replace(&mail.token(), "");
    assert!(!text.contains("49") || text.contains("{{7*7}}"), "{text}");
    let parsed = mail.parsed();
    let to: Vec<_> = parsed.to().unwrap().iter().map(|address| address.address().unwrap().to_owned()).collect();
    assert_eq!((to, mail.to.as_str()), (vec!["ann@mail.example".to_owned()], "ann@mail.example"));
    assert!(parsed.cc().is_none() && parsed.bcc().is_none());
    site.redeem(&mail.token()).expect(200);
}

#[test]
fn no_header_decides_who_asks_or_where_the_link_leads() {
    let site = Site::with(&Config::new().limits("per_ip = 1\ncool_down = \"0s\""));
    let mut client = site.client();
    for n in 0..3 {
        let body = new_reset(&format!("u{n}"), &json!({ "client": { "ip": "203.0.113.7" } })).to_string();
        let other = format!("198.51.100.{n}");
        let headers = [
            ("Content-Type", "application/json"),
            ("Host", "evil.example"),
            ("X-Forwarded-Host", "evil.example"),
            ("Forwarded", "for=198.51.100.9;host=evil.example"),
            ("X-Forwarded-For", &*other),
            ("X-Real-IP", &*other),
            ("X-User-ID", "0"),
        ];
        let id = client.ask("POST", "/v1/resets", &headers, body.as_bytes()).expect(202).json()["id"].as_str().unwrap().to_owned();
        let limit = site.suppressed(&id);
        assert_eq!(limit.as_deref(), (n > 0).then_some("limit: per_ip"), "the body alone says whose client it is");
        if n == 0 {
            site.events().until(&id, "mail.sent");
            let mail = site.outgoing().of_reset(&id);
            assert!(mail.link().starts_with("https://shop.example/reset?t="), "{}", mail.link());
            assert!(!String::from_utf8_lossy(&mail.raw).contains("evil.example"));
        }
    }
}
