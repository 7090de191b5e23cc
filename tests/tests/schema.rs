//! schemathesis makes requests from the OpenAPI document that the daemon serves, right ones and wrong ones, and holds the answers
//! against it: no 5xx, and no status, media type, header or body that is not written down there. It speaks TCP, so that a proxy stands
//! between.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use resetd_tests::{Answer, Config, Site};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      response_headers_conformance";

/// Carries connections to a Unix socket until the test ends; gives its port.
fn proxy(socket: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for outer in listener.incoming().map_while(Result::ok) {
            let Ok(inner) = UnixStream::connect(&socket) else { continue };
            let (mut from, mut to) = (outer.try_clone().unwrap(), inner.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || carry_back(inner, outer));
        }
    });
    port
}

fn carry_back(mut inner: UnixStream, mut outer: TcpStream) {
    let _ = io::copy(&mut inner, &mut outer);
    let _ = outer.shutdown(Shutdown::Both);
}

#[test]
#[ignore = "needs schemathesis"]
fn every_answer_is_documented() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = here.join(".cache/schemathesis/bin/schemathesis");
    if !program.exists() {
        return println!("skipped: no {} (tests/run installs it)", program.display());
    }
    let site = Site::with(&Config::new());
    // Things that ids can name.
    let (reset, mail) = site.mailed("ann");
    site.hand_in(&Answer::to(&mail, "Where is my order?").build());
    let flag = site.flags()[0]["id"].clone();
    let settings = site.path().join("schemathesis.toml");
    let text = format!(
        "[[operations]]\ninclude-path-regex = \"^/v1/resets/\"\nparameters = {{ \"path.id\" = \"{reset}\" }}\n\
         [[operations]]\ninclude-path-regex = \"^/v1/flags/\"\nparameters = {{ \"path.id\" = {flag} }}\n"
    );
    std::fs::write(&settings, text).unwrap();
    let examples = std::env::var("RESETD_EXAMPLES").unwrap_or_else(|_| "20".into());
    let output = Command::new(program)
        .arg("--config-file")
        .arg(&settings)
        .args(["run", &format!("http://127.0.0.1:{}/openapi.json", proxy(site.socket()))])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", &examples, "--generation-deterministic"])
        // It never ends.
        .args(["--exclude-path", "/v1/events", "--workers", "1", "--no-color", "--warnings", "off"])
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(site.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    assert!(said.contains("passed"), "nothing was tried");
    // And it still does its work.
    let (_, mail) = site.mailed("bob");
    site.redeem(&mail.token()).expect(200);
}
