//! What names mean, form by form.

use proptest::prelude::*;

use super::stub::Stub;
use super::*;

fn url(name: &str) -> String {
    match resolve(name) {
        Name::Remote(remote) => remote.url(),
        Name::Local => "local".to_owned(),
    }
}

#[test]
fn every_form_of_a_url_means_the_same() {
    for (name, expected) in [
        ("https://h:8443/x/y.h5", "https://h:8443/x/y.h5"),
        ("https:/h:8443/x/y.h5", "https://h:8443/x/y.h5"),
        ("HTTPS://Host.Example/X", "https://host.example/X"),
        ("hdfstream://h/x", "https://h/x"),
        ("hdfstream+http://h:80/x", "http://h/x"),
        ("hdfstream+http:/h:81/x", "http://h:81/x"),
        ("https://h:443/x", "https://h/x"),
        ("http://h:443/x", "http://h:443/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://[0:0:0:0:0:0:0:1]/x", "http://[::1]/x"),
        ("http://h", "http://h/"),
        ("http://h//a/./b//../c/", "http://h/a/c"),
        ("http://h/../../a", "http://h/a"),
        ("http://h/a/%2e%2e/b", "http://h/b"),
        ("http://h/a%20b#part", "http://h/a%20b"),
        ("http://h/a%23b", "http://h/a%23b"),
        ("http://h/100%.h5", "http://h/100%25.h5"),
        ("http://h/a?b", "http://h/a%3Fb"),
        ("http://h/é", "http://h/%C3%A9"),
        ("/no/such/dir/https:/h/x", "https://h/x"),
        ("/no/such/dir/https://h/x", "https://h/x"),
        ("../https://h/x", "https://h/x"),
        ("https://h/dir/https://h2/x", "https://h2/x"),
        ("/cwd/https:/h/dir/http:/h2:90/dir/x", "http://h2:90/dir/x"),
        ("https://h/dir/http:", "https://h/dir/http%3A"),
        ("https://h/dir/http:/", "https://h/dir/http%3A"),
        ("https://h/x#/https://h2/y", "https://h/x"),
        ("https://h/dir/https%3A/h2", "https://h/dir/https%3A/h2"),
    ] {
        assert_eq!(url(name), expected, "{name}");
        assert_eq!(url(expected), expected, "{expected}");
    }
}

#[test]
fn ordinary_names_are_local() {
    for name in [
        "",
        "x.h5",
        "/a/b.h5",
        "./https",
        "https",
        "https:",
        "https:x",
        "xhttps:/h/x",
        "a:/b",
        "s3://bucket/key",
        "/a/xhttp://h/y",
        "C:/data/x.h5",
        "file:///x",
        "dir#1/x.h5",
        "nul\0https:x",
    ] {
        assert_eq!(resolve(name), Name::Local, "{name}");
        assert_eq!(resolve_with_stub(name), Ok(Name::Local), "{name}");
    }
}

#[test]
fn unusable_urls_are_errors_that_hold_no_password() {
    for (name, word) in [
        ("https://me:hunter2@host/x", "HDFSTREAM_USER"),
        ("/cwd/https://me:hunter2@host/x", "HDFSTREAM_USER"),
        ("https://host:port/x", "port"),
        ("https://host:99999/x", "port"),
        ("https://[::1/x", "bracket"),
        ("https://[zz]/x", "IPv6"),
        ("https:///", "host name"),
        ("https:///x.h5", "host name"),
        ("https://höst/x", "xn--"),
        ("https://h%41/x", "host name"),
        ("https://h/a%2Fb", "%2F"),
        ("https://h/a%00b", "NUL"),
        ("https://h/%ff", "UTF-8"),
    ] {
        let error = resolve_with_stub(name).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(word), "{name}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert!(!without_login(name).contains("hunter2"));
        assert_eq!(error.errno(), 22);
        assert_eq!(resolve(name), Name::Local, "{name}");
    }
}

#[test]
fn a_local_file_of_exactly_that_name_wins_over_a_prefixed_url() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("https:/h")).unwrap();
    let name = directory.path().join("https:/h/x").to_str().unwrap().to_owned();
    assert_eq!(url(&name), "https://h/x");
    std::fs::write(&name, b"local").unwrap();
    assert_eq!(resolve(&name), Name::Local);
}

#[test]
fn joining_is_literal_and_stays_on_the_server() {
    let directory = RemoteName::parse("https://h/base/dir").unwrap();
    for (target, expected) in [
        ("x.h5", "https://h/base/dir/x.h5"),
        ("../x.h5", "https://h/base/x.h5"),
        ("/x", "https://h/x"),
        ("100%41#.h5", "https://h/base/dir/100%2541%23.h5"),
        ("http://h2/y", "http://h2/y"),
        ("", "https://h/base/dir"),
    ] {
        assert_eq!(directory.join(target).unwrap().url(), expected, "{target}");
    }
    assert!(directory.join("../../../x").is_err());
    assert!(directory.join("a\0b").is_err());
    assert_eq!(directory.parent().url(), "https://h/base");
    assert_eq!(directory.file_name(), Some("dir"));
}

#[test]
fn a_stub_is_a_remote_name_and_everything_near_it_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.h5");
    let name = path.to_str().unwrap();
    let stub = Stub::encode("https://h/base/x.h5").unwrap();
    assert_eq!(Stub::decode(&stub).as_deref(), Some("https://h/base/x.h5"));
    std::fs::write(&path, stub).unwrap();
    assert_eq!(resolve(name), Name::Local);
    let Name::Remote(remote) = resolve_with_stub(name).unwrap() else {
        panic!("a stub is remote");
    };
    assert_eq!(remote.url(), "https://h/base/x.h5");

    for change in [0, 8, 9, 23, 1023] {
        let mut damaged = stub;
        damaged[change] ^= 0x40;
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(resolve_with_stub(name), Ok(Name::Local), "byte {change}");
    }
    let mut longer = stub.to_vec();
    longer.push(0);
    std::fs::write(&path, longer).unwrap();
    assert_eq!(resolve_with_stub(name), Ok(Name::Local));

    std::fs::write(&path, Stub::encode("ftp://h/x").unwrap()).unwrap();
    assert!(resolve_with_stub(name).unwrap_err().to_string().contains("stub"));
    assert!(Stub::encode(&"x".repeat(1000)).is_err());
    assert!(Stub::encode(&"x".repeat(999)).is_ok());
    assert!(Stub::encode("a\nb").is_err());
}

proptest! {
    #[test]
    fn canonical_urls_are_read_back(components in proptest::collection::vec("[^/\0]{1,12}", 0..5)) {
        let root = RemoteName::parse("http://h:90/").unwrap();
        if let Ok(name) = root.join(&components.join("/"))
            && mangled::find(&components.join("/")).is_none()
        {
            prop_assert_eq!(RemoteName::parse(&name.url()), Ok(name.clone()));
            prop_assert_eq!(resolve(&format!("/no/such/place/{name}")), Name::Remote(name));
        }
    }

    #[test]
    fn no_text_makes_it_fail_otherwise_than_by_an_error(text in ".{0,60}", head in "(/a/)?(https?:/{0,3})?") {
        let name = format!("{head}{text}");
        let _ = resolve(&name);
        let _ = resolve_with_stub(&name);
        let _ = Stub::decode(name.as_bytes());
    }
}

mod configured {
    use proptest::prelude::*;

    use super::super::*;
    use crate::settings::file::SettingsFile;

    fn file() -> SettingsFile {
        let text = "aliases:\n  cosma: {url: 'https://h:8443/hdfstream'}\n  c2: {url: 'https://h2'}\n\
                    mounts:\n  /cosma: cosma\n  /cosma/deep: c2\n";
        SettingsFile::parse(text, std::path::Path::new("config.yml")).unwrap()
    }

    fn by_alias(name: &str) -> Option<(String, bool)> {
        let file = file();
        let (found, prefixed) = alias::find(name, file.aliases())?;
        Some((found.map_or("refused".to_owned(), |name| name.url()), prefixed))
    }

    #[test]
    fn aliases_stand_before_a_path() {
        for (name, url, prefixed) in [
            (
                "cosma:EAGLE/snap 1.hdf5",
                "https://h:8443/hdfstream/EAGLE/snap%201.hdf5",
                false,
            ),
            ("cosma:/EAGLE//a", "https://h:8443/hdfstream/EAGLE/a", false),
            ("cosma:", "https://h:8443/hdfstream", false),
            ("c2:a%41:b#c", "https://h2/a%2541%3Ab%23c", false),
            ("/home/me/cosma:a", "https://h:8443/hdfstream/a", true),
            ("cosma:x/../../y", "refused", false),
        ] {
            assert_eq!(by_alias(name), Some((url.to_owned(), prefixed)), "{name}");
        }
        for name in [
            "a.h5",
            "cosmas:a",
            "a:b",
            "xcosma:a",
            "cosma",
            ":a",
            "/cosma",
            "2020-01-01T10:00.h5",
        ] {
            assert_eq!(by_alias(name), None, "{name}");
        }
    }

    #[test]
    fn paths_below_a_mount_are_remote_and_the_longest_mount_counts() {
        let find = |name: &str| mount::find(name, file().mounts()).map(|name| name.unwrap().url());
        for (name, url) in [
            ("/cosma/a b", "https://h:8443/hdfstream/a%20b"),
            ("//cosma/./x/../a", "https://h:8443/hdfstream/a"),
            ("/cosma", "https://h:8443/hdfstream"),
            ("/cosma/", "https://h:8443/hdfstream"),
            ("/cosma/deep/a%", "https://h2/a%25"),
            ("/cosma/deeper", "https://h:8443/hdfstream/deeper"),
        ] {
            assert_eq!(find(name).as_deref(), Some(url), "{name}");
        }
        for name in ["/cosmas/a", "/cosma/../a", "cosma/a", "/", "", "/home/cosma"] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[test]
    fn schemes_and_paths_are_no_aliases() {
        for bad in [
            "",
            ".",
            "..",
            "https",
            "HDFSTREAM",
            "file",
            "a/b",
            "a:b",
            "a b",
            "ü",
        ] {
            assert!(!alias::is_name(bad), "{bad}");
        }
        for good in ["a", "cosma", "my-server_2.x"] {
            assert!(alias::is_name(good), "{good}");
        }
    }

    proptest! {
        /// Whatever a path holds, what it leads to lies below what the alias or the mount stands for.
        #[test]
        fn no_path_escapes_from_an_alias_or_a_mount(
            parts in prop::collection::vec("\\.\\.|\\.|%2e%2e|\\\\|https:|cosma:|c2:|deep|[^/]{0,6}|/", 0..10)
        ) {
            let path = parts.join("/");
            let file = file();
            let bases = ["cosma", "c2"].map(|name| file.aliases()[name].base.clone());
            for name in [format!("cosma:{path}"), format!("/x/c2:{path}"), path.clone()] {
                if let Some((Ok(found), _)) = alias::find(&name, file.aliases()) {
                    prop_assert!(bases.iter().any(|base| found.is_below(base)), "{name}: {found}");
                }
            }
            for name in [format!("/cosma/{path}"), format!("/{path}")] {
                if let Some(Ok(found)) = mount::find(&name, file.mounts()) {
                    prop_assert!(bases.iter().any(|base| found.is_below(base)), "{name}: {found}");
                    prop_assert_eq!(RemoteName::parse(&found.url()), Ok(found));
                }
            }
        }

        #[test]
        fn bytes_that_are_nearly_a_stub_are_one_or_not(at in 0..stub::SIZE, byte: u8, url in "https://[a-z/:@%#]{1,30}") {
            let mut bytes = stub::Stub::encode(&url).unwrap();
            prop_assert_eq!(stub::Stub::decode(&bytes), Some(url));
            bytes[at] = byte;
            if let Some(url) = stub::Stub::decode(&bytes) {
                let _ = RemoteName::parse(&url);
            }
        }
    }
}
