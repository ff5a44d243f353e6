use proptest::prelude::*;

use super::*;
use crate::settings::Proxy;

fn parse(text: &str) -> Result<SettingsFile, Error> {
    SettingsFile::parse(text, Path::new("/home/me/config.yml"))
}

#[test]
fn the_file_of_the_python_client_is_understood() {
    let file = parse(
        "aliases:\n  cosma:\n    url: https://data.example.org:8443/hdfstream\n    user: null\n    \
         use_keyring: false\n  mine:\n    url: https://data.example.org/h/\n    user: me\n    use_keyring: true\n",
    )
    .unwrap();
    assert_eq!(
        file.aliases()["cosma"].base.url(),
        "https://data.example.org:8443/hdfstream"
    );
    assert_eq!(file.aliases()["mine"].user.as_deref(), Some("me"));
    assert!(file.aliases()["mine"].use_keyring);
    for empty in ["", "{}", "# nothing\n", "aliases:\n", "aliases: {}\nmounts:\n"] {
        assert_eq!(parse(empty).unwrap().servers().len(), 0, "{empty:?}");
    }
}

#[test]
fn servers_mounts_and_aliases_go_together() {
    let file = parse(
        "aliases:\n  a: {url: 'https://h/x', user: me}\n\
         servers:\n  https://h/x/y: {verify: false, proxy: off}\n  https://H/x: {ca: /ca.pem, use_keyring: true}\n\
         mounts:\n  /data: a\n  /data/deep//: 'a:run 7/%41'\n  /other: https://h/z/../q\n",
    )
    .unwrap();
    let settings = crate::Settings {
        file: std::sync::Arc::new(file.clone()),
        ..crate::Settings::default()
    };
    let server = |url: &str| settings.server(&RemoteName::parse(url).unwrap()).cloned();
    let deep = server("https://h/x/y/file").unwrap();
    assert!(!deep.verify && deep.user.is_none() && deep.proxy == Some(Proxy::Off));
    let both = server("https://h/x/yy").unwrap();
    assert!(both.verify && both.use_keyring && both.ca.is_some());
    assert_eq!(both.user.as_deref(), Some("me"));
    assert!(server("https://h/").is_none() && server("http://h/x").is_none());
    let mounts: Vec<_> = file
        .mounts()
        .iter()
        .map(|mount| (mount.local.as_str(), mount.remote.url()))
        .collect();
    assert_eq!(
        mounts,
        [
            ("/data/deep", "https://h/x/run 7/%2541".replace(' ', "%20")),
            ("/other", "https://h/q".to_owned()),
            ("/data", "https://h/x".to_owned()),
        ]
    );
}

#[test]
fn mistakes_are_told_with_their_line_and_key() {
    for (text, line, words) in [
        ("read_timeout: 5\nmounst: {}\n", 2, "mounst"),
        ("read_timeout: 5\nretries: many\n", 2, "retries"),
        ("read_timeout: [5]\n", 1, "number"),
        ("aliases:\n  a:\n    user: me\n", 3, "no url"),
        ("aliases:\n  a:\n    url: ftp://h\n", 3, "aliases: a"),
        (
            "aliases:\n  a:\n    url: https://h\n    colour: red\n",
            4,
            "colour",
        ),
        ("aliases:\n  a:\n    url: https://h\n    use_keyring: 7\n", 4, ""),
        ("mounts:\n  data: https://h\n", 2, "full path"),
        ("mounts:\n  /: https://h\n", 2, "full path"),
        ("mounts:\n  /a: nowhere\n", 2, "alias"),
        ("mounts:\n  /a: https://h\n  /a/: https://h\n", 3, "twice"),
        ("servers:\n  https://u:hunter2@h: {}\n", 2, "user name"),
        ("proxy: gopher://hunter2\n", 1, "proxy"),
        ("password: hunter2\n", 1, "password"),
        ("read_timeout: 5\n c: d\n", 0, ""),
        ("aliases: [\n", 0, ""),
    ] {
        let error = parse(text).unwrap_err();
        let Error::SettingsFile { line: at, .. } = &error else {
            panic!("{error}")
        };
        let message = error.to_string();
        assert!(line == 0 || *at == line, "{text}\n{message}");
        assert!(
            message.contains(words) && message.contains("/home/me/config.yml"),
            "{message}"
        );
        assert!(
            !message.contains("hunter2") && !message.contains('\n'),
            "{message}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_is_in_the_file_it_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn nearly_right_files_are_read_or_refused(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "aliases:", "  a:", "    url: https://h/x", "    user: me", "mounts:", "  /m: a", "servers:",
                "  https://h:", "    verify: no", "retries: 3", "&x *x", "- 1", "? {", "\t", "<<: *x", "proxy: off",
                "  /m/..: 'a:../..'", "---", "...", "!!binary aGk=", "a: &a [*a]",
            ]),
            0..12,
        )
    ) {
        if let Ok(file) = parse(&lines.join("\n")) {
            for mount in file.mounts() {
                prop_assert!(mount.local.starts_with('/') && mount.local.len() > 1);
            }
        }
    }
}
