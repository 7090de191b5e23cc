//! What no folder of `tests/config` can show: the built-in rules, owners of files, and files that nobody foresaw.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use proptest::prelude::*;

use super::{Environment, FixedAccounts, Role, Settings, Who, config_check, load, parse};

const SMALLEST: &str = include_str!("../../../tests/config/good-smallest/resetd.toml");
const EVERYTHING: &str = include_str!("../../../tests/config/good-everything/resetd.toml");

fn host(own_uid: u32, groups: &[(&str, u32)]) -> Environment {
    let groups = groups.iter().map(|(name, gid)| ((*name).to_owned(), *gid)).collect();
    let accounts = Box::new(FixedAccounts { groups, ..FixedAccounts::default() });
    Environment { credentials_dir: None, host_name: "host".to_owned(), own_uid, accounts }
}

fn rules(settings: &Settings) -> Vec<(Who, Role)> {
    assert!(settings.clients.iter().all(|rule| rule.portals.is_none()));
    settings.clients.iter().map(|rule| (rule.who, rule.role)).collect()
}

#[test]
fn without_clients_root_ourselves_and_three_groups_have_roles() {
    let env = host(990, &[("resetd", 990), ("resetd-support", 991), ("resetd-admin", 992), ("wheel", 10)]);
    let settings = parse(SMALLEST, Path::new("resetd.toml"), &env).unwrap();
    let expected = [
        (Who::Uid(0), Role::Admin),
        (Who::Uid(990), Role::Admin),
        (Who::Gid(990), Role::App),
        (Who::Gid(991), Role::Support),
        (Who::Gid(992), Role::Admin),
    ];
    assert_eq!(rules(&settings), expected);
}

#[test]
fn groups_that_the_host_lacks_have_none() {
    let settings = parse(SMALLEST, Path::new("resetd.toml"), &host(0, &[])).unwrap();
    assert_eq!(rules(&settings), [(Who::Uid(0), Role::Admin)]);
}

#[test]
fn a_secret_that_clients_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    std::fs::set_permissions(&password, Permissions::from_mode(0o640)).unwrap();
    let gid = std::fs::metadata(&password).unwrap().gid();
    let text = format!("{SMALLEST}\n[sending.relay.login]\nuser = 'shop'\npassword_file = '{}'\n", password.display());

    let errors = parse(&text, Path::new("resetd.toml"), &host(1, &[("resetd", gid)])).unwrap_err().to_string();
    assert!(errors.ends_with("must not be open to a group of clients: its mode is 0640, make it 0600"), "{errors}");
    let settings = parse(&text, Path::new("resetd.toml"), &host(1, &[("resetd", gid + 1)])).unwrap();
    assert!(!format!("{settings:?}").contains("correct horse"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let (code, said) = config_check(Path::new("/nonexistent/resetd.toml"));
    assert_eq!((code, said.as_str()), (1, "/nonexistent/resetd.toml: can't be read: No such file or directory (os error 2)"));
}

#[test]
fn a_file_that_is_not_utf_8_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"[server]\nsocket = '/run/\xff'\n").unwrap();
    let said = load(file.path(), &host(1, &[])).unwrap_err().to_string();
    assert!(said.contains("can't be read") && said.contains("UTF-8"), "{said}");
}

#[test]
fn all_the_worlds_slips_come_at_once() {
    let text = (0..50).map(|n| format!("[portal.p{n}]\ntitel = 'x'\ncolor = 5\n")).collect::<String>();
    let errors = parse(&text, Path::new("resetd.toml"), &host(1, &[])).unwrap_err();
    // Two slips and five missing keys for each portal, and no way out.
    assert_eq!(errors.problems.len(), 50 * 7 + 1);
    assert!(errors.problems.iter().map(|problem| problem.line.unwrap_or(usize::MAX)).is_sorted());
}

proptest! {
    /// Whatever is done to a good file, the answer is settings, or problems with lines of that file; never a panic.
    #[test]
    fn a_damaged_file_is_read_or_refused(cut in 0..EVERYTHING.len(), drop in 0..40usize, put in "[\\[\\]{}=\"'.,#\n\\\\a-z0-9\u{e9}\u{202e}-]{0,12}") {
        let end = (cut + drop).min(EVERYTHING.len());
        prop_assume!(EVERYTHING.is_char_boundary(cut) && EVERYTHING.is_char_boundary(end));
        let text = format!("{}{put}{}", &EVERYTHING[..cut], &EVERYTHING[end..]);
        if let Err(errors) = parse(&text, Path::new("resetd.toml"), &host(1, &[])) {
            prop_assert!(!errors.problems.is_empty());
            let lines = text.split('\n').count();
            for problem in &errors.problems {
                prop_assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem:?}");
                prop_assert!(!problem.text.contains(char::is_control), "{problem:?}");
            }
        }
    }
}
