//! The forms that netrc files have in the wild, and any text at all.

use proptest::prelude::*;

use super::*;

fn login(text: &str, host: &str, user: Option<&str>) -> Option<(String, String)> {
    match choose(&parse(text), host, user, true)? {
        Credentials::Basic { user, password } => Some((user, password.reveal().to_owned())),
        Credentials::Bearer(_) => None,
    }
}

fn is(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

#[test]
fn hosts_are_told_apart() {
    let text = "machine a.example login joe password one\nmachine b.example\n\tlogin ann\n\tpassword two\n";
    assert_eq!(login(text, "a.example", None), is("joe", "one"));
    assert_eq!(login(text, "B.EXAMPLE", None), is("ann", "two"));
    assert_eq!(login(text, "example", None), None);
    assert_eq!(login(text, "a.example", Some("ann")), None);
}

#[test]
fn a_user_chooses_the_line() {
    let text = "machine h login joe password one machine h login ann password two machine h password three";
    assert_eq!(login(text, "h", None), is("joe", "one"));
    assert_eq!(login(text, "h", Some("ann")), is("ann", "two"));
    assert_eq!(login(text, "h", Some("eve")), is("eve", "three"));
}

#[test]
fn the_rest_of_the_world_is_for_trusted_servers_and_comes_last() {
    let text = "default login any password thing\nmachine h login joe password one";
    assert_eq!(login(text, "h", None), is("joe", "one"));
    assert_eq!(login(text, "x", None), is("any", "thing"));
    assert_eq!(choose(&parse(text), "x", None, false), None);
    assert!(choose(&parse(text), "h", None, false).is_some());
}

#[test]
fn quotes_comments_accounts_and_macros() {
    let text = "# machine h login no password no\n\
                machine h login \"jo e\" account x password \"a \\\"b\\\" \\\\ #c\" # machine h\n\
                macdef init\ncd /pub\nmachine h login macro password macro\n\n\
                machine i login j password #k\nmachine l login m password n\\ o\n\
                macdef last\nmachine z login y password x";
    assert_eq!(login(text, "h", None), is("jo e", "a \"b\" \\ #c"));
    assert_eq!(login(text, "i", None), is("j", "#k"));
    assert_eq!(login(text, "l", None), is("m", "n o"));
    assert_eq!(login(text, "z", None), None);
    assert_eq!(parse(text).len(), 3);
}

#[test]
fn files_that_end_too_early() {
    for text in [
        "machine",
        "machine h login",
        "machine h login j password",
        "password x",
        "macdef",
        "\"",
        "\"\\",
        "\\",
    ] {
        assert_eq!(login(text, "h", None), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".*") {
        parse(&text);
    }

    #[test]
    fn keywords_in_any_order_are_read_without_a_panic(
        words in prop::collection::vec("machine|default|login|password|account|macdef|h|#|\"|\\\\|\n\n|[a-z\" ]{0,4}", 0..40),
    ) {
        let text = words.join(" ");
        choose(&parse(&text), "h", None, true);
    }

    #[test]
    fn what_is_quoted_comes_back(host in "[a-z]{1,8}", user in "[^\\p{C}]{1,12}", password in "[^\\p{C}]{1,20}") {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let text = format!(
            "machine unrelated login y password z\nmachine {host} login {} password {}\n",
            quote(&user),
            quote(&password)
        );
        prop_assert_eq!(login(&text, &host, None), is(&user, &password));
    }
}
