use proptest::prelude::*;

use super::*;

/// Adds to a file and gives what it says then.
fn added(before: &str, entry: &Entry<'_>) -> Result<String, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/config.yml");
    if !before.is_empty() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before).unwrap();
    }
    SettingsText::read(path.clone())?.add(entry)?;
    Ok(fs::read_to_string(path).unwrap())
}

fn removed(before: &str, name: &str) -> Result<String, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yml");
    fs::write(&path, before).unwrap();
    SettingsText::read(path.clone())?.remove(name)?;
    Ok(fs::read_to_string(path).unwrap())
}

fn entry(name: &str) -> Entry<'_> {
    Entry {
        name,
        url: "https://h:8443/hdfstream",
        user: None,
        use_keyring: false,
    }
}

const NEW: &str = "  new:\n    url: https://h:8443/hdfstream\n";

#[test]
fn an_alias_is_added_where_aliases_are() {
    let old = "  old:\n    url: https://o/x\n";
    for (before, after) in [
        (String::new(), format!("aliases:\n{NEW}")),
        ("aliases: {}\n".to_owned(), format!("aliases:\n{NEW}")),
        ("aliases:\n".to_owned(), format!("aliases:\n{NEW}")),
        (
            "aliases: {} # mine\nretries: 5".to_owned(),
            format!("aliases: # mine\n{NEW}retries: 5\n"),
        ),
        (
            "# top\nretries: 5".to_owned(),
            format!("# top\nretries: 5\naliases:\n{NEW}"),
        ),
        (
            format!("# top\naliases: # here\n{old}\n# next\nretries: 5 # often\n"),
            format!("# top\naliases: # here\n{old}{NEW}\n# next\nretries: 5 # often\n"),
        ),
        (
            "aliases:\n    a: # one\n        url: https://o/x\n        user: 'it''s'\n    # last\n"
                .to_owned(),
            "aliases:\n    a: # one\n        url: https://o/x\n        user: 'it''s'\n    \
             new:\n      url: https://h:8443/hdfstream\n    # last\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(added(&before, &entry("new")).unwrap(), after, "{before}");
        let back = removed(&after, "new").unwrap();
        let same = |text: &str| value(text).unwrap();
        let mut expected = same(&before);
        if !expected["aliases"].is_object() {
            expected["aliases"] = Value::Object(serde_json::Map::new());
        }
        assert_eq!(same(&back), expected, "{before}");
    }
}

#[test]
fn what_cannot_be_edited_is_refused_with_the_lines_to_write() {
    for before in [
        "aliases: {a: {url: https://o/x}}\n",
        "{aliases: {a: {url: https://o/x}}}\n",
        "aliases: &x\n  a:\n    url: https://o/x\n",
        "retries: 5\n...\n",
    ] {
        let error = added(before, &entry("new")).unwrap_err().to_string();
        assert!(error.contains(NEW.trim()), "{before}: {error}");
    }
    for name in ["https", "a/b", "a b", "..", ""] {
        assert!(added("", &entry(name)).is_err(), "{name:?}");
    }
}

#[test]
fn an_alias_is_removed_with_its_own_lines() {
    let before = "aliases:\n  # about a\n  a:\n    url: https://o/x # there\n\n    user: joe\n  # about b\n  \"b\":\n    \
                  url: https://o/y\nretries: 5\n";
    assert_eq!(
        removed(before, "a").unwrap(),
        "aliases:\n  # about a\n  # about b\n  \"b\":\n    url: https://o/y\nretries: 5\n"
    );
    let only_a = removed(before, "b").unwrap();
    assert!(
        only_a.ends_with("user: joe\n  # about b\nretries: 5\n"),
        "{only_a}"
    );
    assert!(removed(&only_a, "a").unwrap().starts_with("aliases: {}\n"));
    let mounted = "aliases:\n  a:\n    url: https://o/x\nmounts:\n  /m: a\n";
    assert!(removed(mounted, "a").unwrap_err().to_string().contains("/m"));
}

#[test]
fn links_and_modes_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.yml"), folder.path().join("config.yml"));
    fs::write(&real, "aliases: {}\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.yml", &link).unwrap();
    SettingsText::read(link.clone())
        .unwrap()
        .add(&entry("new"))
        .unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("new:"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

proptest! {
    #[test]
    fn any_user_is_read_back(user in "\\PC{0,20}") {
        let entry = Entry { user: Some(&user), use_keyring: true, ..entry("new") };
        let text = added("", &entry).unwrap();
        prop_assert_eq!(&value(&text).unwrap()["aliases"]["new"], &entry.value());
    }

    #[test]
    fn no_text_makes_it_panic(before in "(aliases|  a|    url| |:|\\n|#|\\{|\\}|x|'|-|https://h/x){0,30}") {
        if let Ok(after) = added(&before, &entry("new")) {
            prop_assert!(value(&after).unwrap()["aliases"]["new"].is_object());
            removed(&after, "new").ok();
        }
    }
}
