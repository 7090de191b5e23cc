//! One folder per configuration in `tests/config`: what `resetctl config check` says of `resetd.toml` must be what stands
//! in `expected`, to the letter. `BLESS=1` writes what it says; read the difference before you commit it.
//!
//! A folder is copied to a place of its own, which `@DIR@` in `resetd.toml` and `expected` stands for. Every file is given
//! the mode 0600, one that begins with `open-` 0644; `credentials/` is what systemd would hand in.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like tests")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use resetd::config::{self, Environment, FixedAccounts};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/config");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

fn host(credentials: PathBuf) -> Environment {
    let named = |names: &[(&str, u32)]| names.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
    Environment {
        credentials_dir: credentials.is_dir().then_some(credentials),
        host_name: "mail.shop.example".to_owned(),
        own_uid: 990,
        accounts: Box::new(FixedAccounts {
            users: named(&[("root", 0), ("shop", 1001), ("forum", 1002)]),
            groups: named(&[("resetd", 990), ("resetd-support", 991), ("resetd-admin", 992), ("desk", 2000)]),
        }),
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let target = to.join(&name);
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
            let mode = if name.starts_with("open-") { 0o644 } else { 0o600 };
            fs::set_permissions(&target, Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// What the case says, with its exit code.
fn run(case: &Path) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    copy(case, folder.path());
    let here = folder.path().to_str().unwrap();
    let text = fs::read_to_string(case.join("resetd.toml")).unwrap().replace("@DIR@", here);
    let outcome = config::parse(&text, Path::new("resetd.toml"), &host(folder.path().join("credentials")));
    let (code, said) = config::verdict(&outcome);
    (code, format!("{said}\n").replace(here, "@DIR@"))
}

#[test]
fn every_case_says_what_is_expected() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let (code, said) = run(&case);
        assert_eq!(code == 0, name.starts_with("good-"), "{name} says:\n{said}");
        let expected = case.join("expected");
        if bless {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap() != said {
            wrong.push(format!("{name} says:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_good_and_bad_cases() {
    let good = cases().iter().filter(|case| case.file_name().unwrap().to_str().unwrap().starts_with("good-")).count();
    assert!(good >= 4 && cases().len() - good >= 40, "{good} of {}", cases().len());
}
