use super::*;

fn load(file: &str, environment: &[(&str, &str)], info: Option<&str>) -> Result<Settings, Error> {
    let file = SettingsFile::parse(file, std::path::Path::new("config.yml"))?;
    let get = |name: &str| {
        environment
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    Settings::from_sources(Arc::new(file), &get, info)
}

/// A value of each key that is not its default, and another one.
const SAMPLES: [(&str, &str, &str); 19] = [
    ("ca", "/a.pem", "/b.pem"),
    ("client_certificate", "/a.pem", "/b.pem"),
    ("client_key", "/a.pem", "/b.pem"),
    ("proxy", "http://a:1", "off"),
    ("connect_timeout", "7", "2.5"),
    ("read_timeout", "7", "2.5"),
    ("retries", "7", "0"),
    ("retry_time", "7", "2.5"),
    ("cache_memory", "1G", "12345"),
    ("write_memory", "1G", "12345"),
    ("cache_dir", "/somewhere", "off"),
    ("cache_disk", "1G", "12345"),
    ("offline", "1", "true"),
    ("progress", "always", "never"),
    ("log", "debug", "error"),
    ("stats", "1", "true"),
    ("token", "a", "b"),
    ("user", "a", "b"),
    ("password", "a", "b"),
];

#[test]
fn each_key_counts_in_each_place_and_the_later_place_wins() {
    for (name, first, second) in SAMPLES {
        let key = KEYS.iter().chain(&LOGIN).find(|key| key.name == name).unwrap();
        let in_file = KEYS.iter().any(|key| key.name == name);
        let file = |value: &str| match in_file {
            true => format!("{name}: {value}\n"),
            false => String::new(),
        };
        let info = |value: &str| format!("{name}={value}");
        // Compared without the file itself, which is part of the settings.
        let plain = |mut settings: Settings| {
            settings.file = Arc::default();
            settings
        };
        let only = |value: &str| plain(load("", &[], Some(&info(value))).unwrap());
        if !["stats", "offline"].contains(&name) {
            assert_ne!(only(first), only(second), "{name}");
        }
        assert_ne!(only(first), Settings::default(), "{name}");
        let same = |settings: Settings, expected: &Settings| assert_eq!(&plain(settings), expected, "{name}");
        let variable = key.variable;
        if in_file {
            same(load(&file(first), &[], None).unwrap(), &only(first));
            same(
                load(&file(first), &[(variable, second)], None).unwrap(),
                &only(second),
            );
            same(
                load(&file(first), &[], Some(&info(second))).unwrap(),
                &only(second),
            );
        } else {
            let error = load(&format!("{name}: {first}\n"), &[], None).unwrap_err();
            assert!(matches!(error, Error::SettingsFile { line: 1, .. }), "{error}");
        }
        same(load("", &[(variable, first)], None).unwrap(), &only(first));
        same(
            load("", &[(variable, first)], Some(&info(second))).unwrap(),
            &only(second),
        );
        // Set to nothing is not set.
        same(load("", &[(variable, "")], None).unwrap(), &Settings::default());
    }
    assert_eq!(SAMPLES.len(), KEYS.len() + LOGIN.len());
}

#[test]
fn the_documentation_has_the_same_keys_with_the_same_defaults() {
    let text = include_str!("../../docs/configuration.md");
    let cell = |text: &str| text.trim().trim_matches('`').to_owned();
    let mut documented: Vec<[String; 3]> = text
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix("| `")?.split('|').collect();
            let variable = cells.get(1).map(|text| cell(text))?;
            variable
                .starts_with("HDFSTREAM_")
                .then(|| [cell(cells[0]), variable, cell(cells[2])])
        })
        .collect();
    let mut there: Vec<[String; 3]> = KEYS
        .iter()
        .chain(&LOGIN)
        .map(|key| [key.name, key.variable, key.default].map(str::to_owned))
        .collect();
    documented.sort();
    there.sort();
    assert_eq!(documented, there);
    for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
        let mut settings = Settings::default();
        settings.set(key.name, key.name, key.default).unwrap();
        settings.log = settings.log.filter(|level| *level != log::LevelFilter::Off);
        assert_eq!(settings, Settings::default(), "{}", key.name);
    }
}

#[test]
fn one_kind_of_login_replaces_the_other() {
    let settings = load(
        "",
        &[("HDFSTREAM_USER", "me"), ("HDFSTREAM_PASSWORD", "p")],
        Some("token=t"),
    )
    .unwrap();
    assert!(settings.login.password.is_none() && settings.login.token.is_some());
    let settings = load("", &[("HDFSTREAM_TOKEN", "t")], Some("user=me;password=p")).unwrap();
    assert!(settings.login.password.is_some() && settings.login.token.is_none());
}

#[test]
fn mistakes_are_named() {
    for (info, word) in [
        ("colour=red", "colour"),
        ("retries=many", "retries"),
        ("read_timeout=0", "read_timeout"),
        ("read_timeout=inf", "read_timeout"),
        ("cache_memory=12Q", "cache_memory"),
        ("cache_dir=here", "cache_dir"),
        ("progress=perhaps", "progress"),
        ("proxy=ftp://secret", "proxy"),
        ("log=loud", "log"),
        ("stats", "key=value"),
    ] {
        let message = load("", &[], Some(info)).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
    let message = load("", &[("HDFSTREAM_RETRIES", "x")], None)
        .unwrap_err()
        .to_string();
    assert!(message.contains("HDFSTREAM_RETRIES"), "{message}");
}

#[test]
fn secrets_are_starred() {
    let settings = load(
        "proxy: http://joe:hunter1@proxy:3128\n",
        &[("HDFSTREAM_USER", "me"), ("HDFSTREAM_PASSWORD", "hunter2")],
        None,
    )
    .unwrap();
    let shown = format!("{settings:?}");
    assert!(shown.contains("***") && !shown.contains("hunter"), "{shown}");
}

#[test]
fn an_info_string_is_shown_without_secrets() {
    for (info, shown) in [
        (
            "retries=5; token = abc,password=x;proxy=http://u:p@h:1;stats=1",
            "retries=5;stats=1",
        ),
        ("user=me", ""),
        ("", ""),
    ] {
        assert_eq!(Settings::without_secrets(info), shown);
    }
}
