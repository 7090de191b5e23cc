//! One request from whoever runs it: `resetd-peer SOCKET METHOD PATH CONTENT-TYPE BODY` prints status and media type, a new
//! line, and the body.

#![allow(clippy::unwrap_used, reason = "a failure is the test's to see")]

use std::io::Write;

use resetd_tests::Client;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, method, path, kind, body] = arguments.as_slice() else { panic!("SOCKET METHOD PATH CONTENT-TYPE BODY") };
    let headers = [("Content-Type", kind.as_str())];
    let headers = if kind.is_empty() { &[][..] } else { &headers[..] };
    let reply = Client::new(socket.as_ref()).ask(method, path, headers, body.as_bytes());
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} {}", reply.status, reply.header("content-type").unwrap_or_default()).unwrap();
    out.write_all(&reply.body).unwrap();
}
