//! Logins: passwords, tokens, and what they leave behind.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hdfstream::protocol::{self, Capabilities, ErrorKind, TokenReply, TokenRequest};
use hdfstream_server::accounts::admin;
use proptest::prelude::*;

use crate::harness::{Answer, Served, answer, basic, from, request, write_users};

const USERS: [(&str, &str, &str); 2] = [("ada", "right", "staff"), ("bob", "other", "")];

/// As long as the server takes to notice a change of the users file, and a little more.
const NOTICED: Duration = Duration::from_millis(1_100);

fn who(login: &str) -> Request<Body> {
    request("GET", "/v2", &[("authorization", login)], Body::empty())
}

/// The user that a request is taken for; `None` if it is refused.
async fn user(served: &Served, login: &str) -> Option<String> {
    let answer = served.answer(who(login)).await;
    if answer.status == 401 {
        assert_eq!(answer.refusal(), ErrorKind::Unauthorized);
        return None;
    }
    answer.decode::<Capabilities>().user
}

async fn ask_token(served: &Served, login: &str, days: Option<u32>) -> Answer {
    let body = Body::from(protocol::encode(&TokenRequest { days }).unwrap());
    let headers = [("authorization", login)];
    served.answer(request("POST", "/v2/token", &headers, body)).await
}

/// A token that was good until now: made with the server's own key, for yesterday.
pub(crate) fn expired_token(served: &Served, user: &str) -> String {
    // Makes the key.
    admin::token(&served.users(), user, 1).unwrap();
    let key = std::fs::read_to_string(served.outside("users.toml.key")).unwrap();
    let key = ring::hmac::Key::new(
        ring::hmac::HMAC_SHA256,
        &STANDARD_NO_PAD.decode(key.trim()).unwrap(),
    );
    let users: toml::Table = toml::from_str(&std::fs::read_to_string(served.users()).unwrap()).unwrap();
    let hash = users["users"][user]["password"].as_str().unwrap().to_owned();
    let sign = |expires: i64| {
        let signed = format!("hdfs1.{}.{expires}", URL_SAFE_NO_PAD.encode(user));
        let signature = ring::hmac::sign(&key, format!("{signed}\n{hash}\n0").as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    // This is how tokens are made, else the test would show nothing.
    let good = admin::token(&served.users(), user, 1).unwrap();
    let expires: i64 = good.split('.').nth(2).unwrap().parse().unwrap();
    assert_eq!(sign(expires), good);
    sign(expires - 2 * 86_400)
}

#[tokio::test]
async fn the_server_says_who_a_login_is() {
    let served = Served::with_users(&USERS, "");
    assert_eq!(
        user(&served, &basic("ada", "right")).await.as_deref(),
        Some("ada")
    );
    assert_eq!(
        user(&served, &basic("bob", "other")).await.as_deref(),
        Some("bob")
    );
    for (name, password) in [
        ("ada", "other"),
        ("ada", ""),
        ("Ada", "right"),
        ("", "right"),
        ("eve", "right"),
    ] {
        assert_eq!(user(&served, &basic(name, password)).await, None, "{name}");
    }
    let nobody = served.get("/v2", &[]).await;
    assert_eq!(nobody.decode::<Capabilities>().user, None);
    // Without accounts a login means nothing; a proxy in front may want it.
    let open = answer(&served.without_users(), who(&basic("eve", "x"))).await;
    assert_eq!(
        (open.status.as_u16(), open.decode::<Capabilities>().user),
        (200, None)
    );
}

#[tokio::test]
async fn refusals_do_not_tell_whether_the_user_exists() {
    let served = Served::with_users(&USERS, "");
    let mut answers = Vec::new();
    for name in ["ada", "eve"] {
        let answer = served.answer(who(&basic(name, "wrong"))).await;
        answers.push((answer.status, answer.headers, answer.body));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(start_paused = true)]
async fn wrong_passwords_slow_their_client_down_and_nobody_else() {
    let served = Served::with_users(&USERS, "");
    let attempt = |address: &'static str, login: String| served.answer(from(address, who(&login)));
    // Known before the trouble begins.
    assert_eq!(attempt("10.0.0.1", basic("ada", "right")).await.status, 200);
    let mut statuses = Vec::new();
    for number in 0..12 {
        let answer = attempt("10.0.0.1", basic("ada", &format!("guess{number}"))).await;
        if answer.status == 429 {
            assert_eq!(answer.refusal(), ErrorKind::Busy);
            assert!((1..=60).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
        }
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[11], 429);
    // Who was known before goes on; a right password that was not must wait like the others.
    assert_eq!(attempt("10.0.0.1", basic("ada", "right")).await.status, 200);
    assert_eq!(attempt("10.0.0.1", basic("bob", "other")).await.status, 429);
    assert_eq!(attempt("10.0.0.2", basic("bob", "other")).await.status, 200);
    assert_eq!(attempt("10.0.0.2", basic("bob", "wrong")).await.status, 401);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(attempt("10.0.0.1", basic("ada", "wrong")).await.status, 401);
}

#[tokio::test]
async fn many_right_logins_at_once_are_one() {
    let served = Served::with_users(&USERS, "");
    let login = basic("ada", "right");
    let all = futures_util::future::join_all((0..64).map(|_| served.answer(who(&login)))).await;
    assert!(all.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn changes_of_the_users_file_are_noticed() {
    let served = Served::with_users(&USERS, "");
    let (ada, bob) = (basic("ada", "right"), basic("bob", "other"));
    let token = format!("Bearer {}", admin::token(&served.users(), "ada", 1).unwrap());
    for login in [&ada, &token] {
        tokio::time::sleep(NOTICED).await;
        assert!(user(&served, login).await.is_some());
    }
    admin::remove(&served.users(), "bob").unwrap();
    admin::add(&served.users(), "cleo", &[], "new").unwrap();
    tokio::time::sleep(NOTICED).await;
    assert_eq!(user(&served, &bob).await, None);
    assert_eq!(
        user(&served, &basic("cleo", "new")).await.as_deref(),
        Some("cleo")
    );
    assert!(user(&served, &token).await.is_some());
    admin::set_password(&served.users(), "ada", "changed").unwrap();
    tokio::time::sleep(NOTICED).await;
    assert_eq!(user(&served, &ada).await, None);
    assert_eq!(user(&served, &token).await, None);
    assert!(user(&served, &basic("ada", "changed")).await.is_some());
    // A file that went wrong, or is open to others, changes nothing.
    for broken in ["[users.ada\n", "[users.eve]\npassword = 'x'\n"] {
        std::fs::write(served.users(), broken).unwrap();
        tokio::time::sleep(NOTICED).await;
        assert!(user(&served, &basic("cleo", "new")).await.is_some());
    }
    write_users(&served.users(), &USERS);
    tokio::time::sleep(NOTICED).await;
    assert!(user(&served, &ada).await.is_some());
}

#[tokio::test]
async fn tokens_are_given_for_logins() {
    let mut served = Served::with_users(&USERS, "");
    served.serve_again("", |config| config.token_days = 10);
    let login = basic("ada", "right");
    let day = 86_400;
    let time = |answer: &Answer| answer.decode::<Capabilities>().time.unwrap();
    let now = time(&served.answer(who(&login)).await);
    for (days, expected) in [(None, 10), (Some(3), 3), (Some(99), 10)] {
        let answer = ask_token(&served, &login, days).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let reply: TokenReply = answer.decode();
        assert_eq!(reply.user, "ada");
        let life = reply.expires - now;
        assert!((expected * day..expected * day + 60).contains(&life), "{life}");
        let token = format!("Bearer {}", reply.token);
        assert_eq!(user(&served, &token).await.as_deref(), Some("ada"));
        // A token does not live on in another.
        let next: TokenReply = ask_token(&served, &token, None).await.decode();
        assert_eq!(next.expires, reply.expires);
        let shorter: TokenReply = ask_token(&served, &token, Some(1)).await.decode();
        assert!(shorter.expires <= now + day + 60);
    }
    assert_eq!(
        ask_token(&served, &login, Some(0)).await.refusal(),
        ErrorKind::Invalid
    );
    for login in [basic("ada", "wrong"), "Bearer x".to_owned()] {
        assert_eq!(
            ask_token(&served, &login, None).await.refusal(),
            ErrorKind::Unauthorized
        );
    }
    let body = || Body::from(protocol::encode(&TokenRequest { days: None }).unwrap());
    let nobody = served.answer(request("POST", "/v2/token", &[], body())).await;
    assert_eq!(nobody.refusal(), ErrorKind::Unauthorized);
    let open = served.without_users();
    let none = answer(&open, request("POST", "/v2/token", &[], body())).await;
    assert_eq!(none.refusal(), ErrorKind::Invalid);
}

#[tokio::test]
async fn tokens_end() {
    let served = Served::with_users(&USERS, "");
    let expired = format!("Bearer {}", expired_token(&served, "ada"));
    let good = format!("Bearer {}", admin::token(&served.users(), "ada", 1).unwrap());
    let others = format!("Bearer {}", admin::token(&served.users(), "bob", 1).unwrap());
    tokio::time::sleep(NOTICED).await;
    let answer = served.answer(who(&expired)).await;
    assert_eq!(answer.refusal(), ErrorKind::Unauthorized);
    assert!(answer.message().contains("expired"), "{}", answer.message());
    assert!(user(&served, &good).await.is_some());
    admin::revoke(&served.users(), "ada").unwrap();
    tokio::time::sleep(NOTICED).await;
    assert_eq!(user(&served, &good).await, None);
    assert!(user(&served, &others).await.is_some());
    assert!(user(&served, &basic("ada", "right")).await.is_some());
    assert!(admin::token(&served.users(), "ada", 0).is_err());
    assert!(admin::token(&served.users(), "eve", 1).is_err());
}

fn administer(served: &Served, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hdfstream-server"))
        .args(arguments)
        .arg("--users")
        .arg(served.users())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may refuse before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn accounts_are_made_and_changed_by_commands() {
    let mut served = Served::new();
    let done = |arguments: &[&str], input: &str| {
        let output = administer(&served, arguments, input);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{text}");
        String::from_utf8(output.stdout).unwrap()
    };
    let refused = |arguments: &[&str], input: &str| {
        let output = administer(&served, arguments, input);
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["user", "list"], "").contains("user add"));
    assert!(refused(&["user", "remove", "ada"], "").contains("no users file"));
    assert!(!served.users().exists());
    done(
        &["user", "add", "ada", "--role", "staff", "--role", "virgo"],
        "pass word\nmore\n",
    );
    done(&["user", "add", "bob"], "secret\r\n");
    assert_eq!(done(&["user", "list"], ""), "ada staff virgo\nbob\n");
    assert!(refused(&["user", "add", "ada"], "x\n").contains("ada has an account"));
    assert!(refused(&["user", "add", "a b"], "x\n").contains("a b"));
    assert!(refused(&["user", "add", "eve", "--role", "x/y"], "x\n").contains("x/y"));
    assert!(refused(&["user", "add", "eve"], "\n").contains("password"));
    assert!(refused(&["user", "password", "eve"], "x\n").contains("eve has no account"));
    assert!(refused(&["token", "eve"], "").contains("eve has no account"));
    assert!(refused(&["token", "ada", "--days", "0"], "").contains("days"));
    let token = done(&["token", "ada", "--days", "2"], "");
    let old = done(&["token", "bob"], "");
    done(&["user", "password", "bob"], "other\n");
    served.serve_again("", |_| {});
    assert_eq!(
        user(&served, &basic("ada", "pass word")).await.as_deref(),
        Some("ada")
    );
    assert_eq!(
        user(&served, &basic("bob", "other")).await.as_deref(),
        Some("bob")
    );
    assert_eq!(
        user(&served, &format!("Bearer {}", token.trim()))
            .await
            .as_deref(),
        Some("ada")
    );
    assert_eq!(user(&served, &format!("Bearer {}", old.trim())).await, None);
    assert!(
        administer(&served, &["token", "--revoke", "ada"], "")
            .status
            .success()
    );
    assert!(
        administer(&served, &["user", "remove", "bob"], "")
            .status
            .success()
    );
    tokio::time::sleep(NOTICED).await;
    assert_eq!(user(&served, &format!("Bearer {}", token.trim())).await, None);
    assert_eq!(user(&served, &basic("bob", "other")).await, None);
    // No secret in what is printed about anything.
    let text = std::fs::read_to_string(served.users()).unwrap();
    assert!(!text.contains("pass word") && text.contains("$argon2id$"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever stands in the header: no user, no panic.
    #[test]
    fn no_header_makes_a_user(scheme in "(Basic |Bearer |)", rest in "[ -~]{0,40}|[A-Za-z0-9+/=.]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let served = Served::with_users(&USERS, "");
            let value = format!("{scheme}{rest}");
            let answer = served.answer(who(&value)).await;
            prop_assert_eq!(answer.status.as_u16(), 401);
            Ok(())
        })?;
    }
}
