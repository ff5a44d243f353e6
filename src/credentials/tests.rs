//! Which login goes to which server.

use std::sync::Arc;

use super::*;
use crate::settings::file::SettingsFile;

fn settings(file: &str) -> Settings {
    Settings {
        file: Arc::new(SettingsFile::parse(file, "config.yml".as_ref()).unwrap()),
        ..Settings::default()
    }
}

fn given_for(url: &str, naming: Naming, settings: &Settings) -> Search {
    search(&RemoteName::parse(url).unwrap(), naming, settings).unwrap()
}

#[test]
fn what_the_user_gave_goes_to_servers_that_the_user_named() {
    let mut settings =
        settings("mounts: {/runs: 'https://mounted/x/runs'}\naliases: {c: {url: 'https://alias/x'}}");
    settings.login.token = Some(Secret::new("t".to_owned()));
    for (url, naming, sent) in [
        ("https://any/x/y", Naming::User, true),
        ("https://any/x/y", Naming::File, false),
        ("https://alias/x/y", Naming::File, true),
        ("https://alias/z", Naming::File, false),
        ("https://mounted/x/runs/y", Naming::File, true),
        ("https://mounted/x/z", Naming::File, false),
    ] {
        let search = given_for(url, naming, &settings);
        assert_eq!(search.found.is_some(), sent, "{url}");
        assert_eq!(search.passed_over.is_empty(), sent, "{url}");
    }
}

#[test]
fn the_users_name_may_come_from_the_settings_file() {
    let mut settings = settings("servers: {'https://h/x': {user: ann}}");
    settings.login.password = Some(Secret::new("p".to_owned()));
    let user = |url: &str, settings: &Settings| match find(&RemoteName::parse(url).unwrap(), settings) {
        Ok(Some(Found {
            credentials: Credentials::Basic { user, .. },
            source: Source::Given,
        })) => Some(user),
        _ => None,
    };
    assert_eq!(user("https://h/x/y", &settings).as_deref(), Some("ann"));
    assert_eq!(user("https://h/z", &settings), None);
    settings.login.user = Some("joe".to_owned());
    assert_eq!(user("https://h/x/y", &settings).as_deref(), Some("joe"));
}

#[test]
fn a_server_is_called_as_the_user_calls_it() {
    let settings = settings("aliases: {c: {url: 'https://alias/x'}}\nservers: {'https://h/x': {user: ann}}");
    let short = |url: &str| short_name(&RemoteName::parse(url).unwrap(), &settings);
    assert_eq!(short("https://alias/x/y").as_deref(), Some("c"));
    assert_eq!(short("https://h/x/y").as_deref(), Some("https://h/x"));
    assert_eq!(short("https://other/x/y"), None);
}

#[test]
fn a_user_without_a_login_is_told_of() {
    let settings = settings("aliases: {c: {url: 'https://no-such-host/x', user: ann}}");
    let search = given_for("https://no-such-host/x/y", Naming::User, &settings);
    assert_eq!(search.passed_over, ["no password or token of ann was found"]);
}

#[test]
fn the_keyring_needs_a_user() {
    let settings = settings("servers: {'https://no-such-host/x': {use_keyring: true}}");
    let search = given_for("https://no-such-host/x/y", Naming::File, &settings);
    assert!(
        search
            .passed_over
            .iter()
            .any(|note| note.contains("needs a user")),
        "{search:?}"
    );
}
