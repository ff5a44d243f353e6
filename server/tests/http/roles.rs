//! Who sees what: users by paths by operations, compared with a server that hides nothing, and with
//! what is really missing.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hdfstream::protocol::{
    self, Begin, CommitRequest, ExternalRequest, Intent, LeaseName, LeaseRequest, ListReply, ListRequest,
    OpenRequest, ReadRequest, RemoveRequest, RenameRequest, Run, StageRequest, StatReply, StatRequest,
    TraceRequest,
};
use proptest::prelude::*;
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::harness::{Answer, Served, answer, basic, from, request, write_users};

const RULES: &str = "[private]\nread = ['a']\n['private/inner']\nread = ['b']\nwrite = ['c']\n";
const USERS: [(&str, &str, &str); 4] = [
    ("none", "pw", ""),
    ("one", "pw", "a"),
    ("other", "pw", "b"),
    ("both", "pw", "a b"),
];

/// A place in the tree: its name, and where it really is if that is elsewhere.
struct Place {
    name: String,
    real: String,
}

struct Scene {
    served: Served,
    /// The same tree where nothing is hidden.
    open: Router,
    places: Vec<Place>,
}

fn scene() -> Scene {
    let mut served = Served::with_users(&USERS, RULES);
    for name in [
        "public/a.h5",
        "private/b.h5",
        "private/inner/c.h5",
        "private/inner/deep/d.h5",
    ] {
        served.write(name, b"\x89HDF\r\n\x1a\n and more");
    }
    let links = [
        ("public/link", "../private/inner/c.h5", "private/inner/c.h5"),
        ("public/directory", "../private/inner", "private/inner"),
        ("public/through", "directory/deep/d.h5", "private/inner/deep/d.h5"),
        ("public/around", "../../root/private/b.h5", "private/b.h5"),
        ("private/out", "../public/a.h5", "public/a.h5"),
    ];
    let mut places: Vec<Place> = Vec::new();
    let mut add = |name: &str, real: &str| {
        places.push(Place {
            name: name.to_owned(),
            real: real.to_owned(),
        });
    };
    for (link, target, real) in links {
        symlink(target, served.path(link)).unwrap();
        add(link, real);
    }
    symlink(served.path("private/b.h5"), served.path("public/absolute")).unwrap();
    add("public/absolute", "private/b.h5");
    symlink(served.path(""), served.outside("alias")).unwrap();
    add("public/directory/c.h5", "private/inner/c.h5");
    add("public/directory/missing", "private/inner/missing");
    for name in [
        "",
        "public",
        "public/a.h5",
        "public/missing",
        "private",
        "private/b.h5",
        "private/inner",
        "private/inner/c.h5",
        "private/inner/deep",
        "private/inner/deep/d.h5",
        "private/inner/missing",
        "private/missing",
        "missing",
        "missing/x",
    ] {
        add(name, name);
    }
    for name in [
        "public/a.h5",
        "private/inner/c.h5",
        "private/b.h5",
        "private/inner",
        "private/missing",
    ] {
        add(served.path(name).to_str().unwrap(), name);
        add(served.outside("alias").join(name).to_str().unwrap(), name);
    }
    // The rules are those of the tree as it is now.
    served.serve_again(RULES, |_| {});
    let open = served.without_users();
    Scene { served, open, places }
}

/// The model: what a path needs, by its name and by where it really is.
fn needs(path: &str) -> BTreeSet<&'static str> {
    let below = |directory: &str| path == directory || path.starts_with(&format!("{directory}/"));
    let mut roles = BTreeSet::new();
    if below("private") {
        roles.insert("a");
    }
    if below("private/inner") {
        roles.insert("b");
    }
    roles
}

fn sees(roles: &str, place: &Place) -> bool {
    let has: BTreeSet<&str> = roles.split_whitespace().collect();
    needs(&place.name).is_subset(&has) && needs(&place.real).is_subset(&has)
}

const OPERATIONS: [&str; 10] = [
    "stat", "list", "open", "write", "read", "trace", "external", "beside", "GET", "HEAD",
];

/// Operations that have a meaning for a path: there is no page for the root.
fn operations(place: &Place) -> impl Iterator<Item = &'static str> {
    let pages = if place.name.is_empty() { 0 } else { 2 };
    OPERATIONS.into_iter().take(8 + pages)
}

/// A request about `path`; `version` is the file's.
fn operation(name: &str, path: &str, version: &str, login: Option<&str>) -> Request<Body> {
    let headers: Vec<_> = login.iter().map(|login| ("authorization", *login)).collect();
    let post = |endpoint: &str, body: Body| request("POST", &format!("/v2/{endpoint}"), &headers, body);
    let (path, version) = (path.to_owned(), version.to_owned());
    match name {
        "stat" => post("stat", encoded(&StatRequest { path })),
        "list" => post("list", encoded(&ListRequest { path, after: None })),
        "open" | "write" => post(
            "open",
            encoded(&OpenRequest {
                path,
                known: None,
                write: name == "write",
            }),
        ),
        "read" => post(
            "read",
            encoded(&ReadRequest {
                path,
                version,
                runs: vec![Run::range(0, 5)],
                lease: None,
            }),
        ),
        "trace" => post(
            "trace",
            encoded(&TraceRequest {
                path,
                version,
                intent: Intent::File,
            }),
        ),
        // Raw data of the file itself, and of another file.
        "external" => post(
            "external",
            encoded(&ExternalRequest {
                name: "a.h5".to_owned(),
                path,
                version,
                offset: 0,
                length: 5,
            }),
        ),
        "beside" => post(
            "external",
            encoded(&ExternalRequest {
                path: "public/a.h5".to_owned(),
                name: if path.starts_with('/') {
                    path
                } else {
                    format!("../{path}")
                },
                version,
                offset: 0,
                length: 5,
            }),
        ),
        method => {
            let page: Vec<_> = path.split('/').map(|part| part.replace('%', "%25")).collect();
            request(
                method,
                &format!("/download/{}", page.join("/")),
                &headers,
                Body::empty(),
            )
        }
    }
}

fn encoded(message: &impl Serialize) -> Body {
    Body::from(protocol::encode(message).unwrap())
}

/// The names in an archive.
fn archived(answer: &Answer) -> Vec<String> {
    let mut archive = tar::Archive::new(&answer.body[..]);
    let entries = archive.entries().unwrap();
    let name =
        |entry: std::io::Result<tar::Entry<'_, _>>| entry.unwrap().path().unwrap().display().to_string();
    entries.map(name).collect()
}

/// Everything of an answer that a client sees, `name` in it replaced.
fn shown(answer: &Answer, name: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(header, value)| (header.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    // The length of the name is known to who sent it.
    let body = String::from_utf8_lossy(&answer.body).replace(name, "NAME");
    (answer.status.as_u16(), headers, body.into_bytes())
}

impl Scene {
    /// The version of the file that an operation names, whoever may see it.
    async fn version(&self, operation: &str, place: &Place) -> String {
        let path = if operation == "beside" {
            "public/a.h5"
        } else {
            &place.name
        };
        let stat = StatRequest {
            path: path.to_owned(),
        };
        let answer = answer(&self.open, request("POST", "/v2/stat", &[], encoded(&stat))).await;
        if answer.status == 200 {
            answer.decode::<StatReply>().version.unwrap_or_default()
        } else {
            String::new()
        }
    }
}

/// A name of the same length that nothing has, in the same directory: the first hidden component is
/// replaced.
fn missing_instead(place: &Place, roles: &str) -> String {
    let has: BTreeSet<&str> = roles.split_whitespace().collect();
    let parts: Vec<&str> = place.name.split('/').collect();
    let hidden = (1..=parts.len()).find(|&count| {
        let name = parts[..count].join("/");
        let real = name.rsplit_once("/root/").or_else(|| name.rsplit_once("/alias/"));
        !needs(real.map_or(&name, |(_, below)| below)).is_subset(&has)
    });
    // A link is hidden by its target: then its own name is replaced.
    let at = hidden.unwrap_or(if parts.first() == Some(&"public") {
        2
    } else {
        parts.len()
    }) - 1;
    let mut other: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
    other[at] = "z".repeat(parts[at].len());
    other.join("/")
}

#[tokio::test]
async fn everybody_sees_what_the_rules_say_and_nothing_tells_more() {
    let scene = scene();
    let app = |request| scene.served.answer(request);
    let logins = [
        ("", None),
        ("", Some("none")),
        ("a", Some("one")),
        ("b", Some("other")),
        ("a b", Some("both")),
    ];
    let mut hidden = 0;
    for (roles, user) in logins {
        let login = user.map(|user| basic(user, "pw"));
        let login = login.as_deref();
        for place in &scene.places {
            for name in operations(place) {
                let version = scene.version(name, place).await;
                let what = format!("{user:?} {name} {:?}", place.name);
                let got = app(operation(name, &place.name, &version, login)).await;
                // An external request is about two places.
                let beside = Place {
                    name: "public/a.h5".to_owned(),
                    real: "public/a.h5".to_owned(),
                };
                let first = if name == "beside" { &beside } else { place };
                if !sees(roles, first) || !sees(roles, place) {
                    hidden += 1;
                    let other = missing_instead(place, roles);
                    assert_eq!(other.len(), place.name.len(), "{what}");
                    let missing = app(operation(name, &other, &version, login)).await;
                    assert_eq!(
                        shown(&got, &place.name),
                        shown(&missing, &other),
                        "{what}, {other}"
                    );
                    let refused = if name == "write" { 403 } else { 404 };
                    assert_eq!(got.status, refused, "{what}");
                    continue;
                }
                let expected = answer(&scene.open, operation(name, &place.name, &version, None)).await;
                if name == "list" && expected.status == 200 {
                    let mut expected: ListReply = expected.decode();
                    expected.entries.retain(|entry| {
                        let path = format!("{}/{}", place.real, entry.name);
                        let path = path.trim_start_matches('/');
                        let link = scene.places.iter().find(|place| place.name == path);
                        let real = link.map_or(path, |place| &place.real);
                        sees(
                            roles,
                            &Place {
                                name: path.to_owned(),
                                real: real.to_owned(),
                            },
                        )
                    });
                    assert_eq!(got.decode::<ListReply>(), expected, "{what}");
                } else if expected.header("content-type") == "application/x-tar" {
                    assert_eq!(got.status, 200, "{what}");
                    let entries = archived(&got);
                    let visible = |path: &String| needs(path).is_subset(&roles.split_whitespace().collect());
                    assert!(entries.iter().all(visible), "{what}: {entries:?}");
                    let all = archived(&expected);
                    assert!(
                        all.iter().filter(|path| visible(path)).count() >= entries.len(),
                        "{what}"
                    );
                } else {
                    assert_eq!(shown(&got, "?"), shown(&expected, "?"), "{what}");
                }
            }
        }
    }
    assert!(hidden > 300, "{hidden}");
}

const WRITES: [&str; 7] = ["lease", "stage", "commit", "renew", "release", "remove", "rename"];

/// A request that would change what is at `path`.
fn write(name: &str, path: &str, login: Option<&str>) -> Request<Body> {
    let headers: Vec<_> = login.iter().map(|login| ("authorization", *login)).collect();
    let post = |body: Body| request("POST", &format!("/v2/{name}"), &headers, body);
    let path = path.to_owned();
    let lease = "0".repeat(32);
    match name {
        "lease" => post(encoded(&LeaseRequest {
            path,
            lease,
            begin: Begin::Existing,
            exclusive: true,
            directories: false,
            known: None,
        })),
        "stage" => post(encoded(&StageRequest {
            path,
            lease,
            number: 1,
            part: 0,
            pieces: vec![(0, 1)],
            bytes: ByteBuf::from(*b"x"),
        })),
        "commit" => post(encoded(&CommitRequest {
            path,
            lease,
            number: 1,
            base: String::new(),
            parts: 0,
            size: 1,
            pieces: vec![(0, 1)],
            bytes: ByteBuf::from(*b"x"),
            ordered: false,
            release: true,
        })),
        "remove" => post(encoded(&RemoveRequest {
            path,
            recursive: true,
        })),
        "rename" => post(encoded(&RenameRequest {
            from: path,
            to: "public/stolen".to_owned(),
            replace: true,
        })),
        _ => post(encoded(&LeaseName { path, lease })),
    }
}

#[tokio::test]
async fn nobody_writes_what_the_rules_guard_and_nothing_tells_more() {
    let mut scene = scene();
    scene.served.serve_again(RULES, |config| config.writable = true);
    let logins = [
        ("", None),
        ("", Some("none")),
        ("a", Some("one")),
        ("b", Some("other")),
        ("a b", Some("both")),
    ];
    let (mut hidden, mut guarded) = (0, 0);
    for (roles, user) in logins {
        let login = user.map(|user| basic(user, "pw"));
        let login = login.as_deref();
        for place in &scene.places {
            for name in WRITES {
                let what = format!("{user:?} {name} {:?}", place.name);
                let got = |path: String| scene.served.answer(write(name, &path, login));
                if user.is_none() {
                    assert_eq!(got(place.name.clone()).await.status, 401, "{what}");
                } else if !sees(roles, place) {
                    // To remove a link takes no look at where it leads.
                    if matches!(name, "remove" | "rename") && needs(&place.name).is_empty() {
                        continue;
                    }
                    hidden += 1;
                    let other = missing_instead(place, roles);
                    let (there, missing) = (got(place.name.clone()).await, got(other.clone()).await);
                    assert_eq!(
                        shown(&there, &place.name),
                        shown(&missing, &other),
                        "{what}, {other}"
                    );
                    assert!(there.status == 404 || there.status == 410, "{what}");
                } else if needs(&place.real).contains("b") && needs(&place.name).contains("b") {
                    // Nobody here has the role that is needed to write.
                    guarded += 1;
                    let status = got(place.name.clone()).await.status;
                    assert!(status == 403 || status == 404 || status == 410, "{what} {status}");
                }
            }
        }
    }
    assert!(hidden > 150 && guarded > 20, "{hidden} {guarded}");
    for file in ["private/b.h5", "private/inner/c.h5", "private/inner/deep/d.h5"] {
        let content = std::fs::read(scene.served.path(file)).unwrap();
        assert_eq!(content, b"\x89HDF\r\n\x1a\n and more");
    }
    assert!(!scene.served.path("public/stolen").exists());
}

#[tokio::test]
async fn wrong_logins_see_nothing_at_all() {
    let scene = scene();
    let expired = format!("Bearer {}", crate::accounts::expired_token(&scene.served, "both"));
    let logins = [
        basic("both", "wrong"),
        basic("nobody", "pw"),
        expired,
        "Bearer hdfs1.Ym90aA.9999999999.AAAA".to_owned(),
        "Bearer x".to_owned(),
        "Digest x".to_owned(),
        "Basic".to_owned(),
    ];
    let mut client = 0u32;
    for login in &logins {
        for place in &scene.places {
            for name in operations(place) {
                client += 1;
                let [_, a, b, c] = client.to_be_bytes();
                let request = operation(name, &place.name, "v", Some(login));
                let got = scene
                    .served
                    .answer(from(&format!("10.{a}.{b}.{c}"), request))
                    .await;
                assert_eq!(got.status, 401, "{login} {name} {:?}", place.name);
                let challenges: Vec<_> = got.headers.get_all("www-authenticate").iter().collect();
                assert_eq!(challenges.len(), 2);
                assert!(challenges[0].to_str().unwrap().starts_with("Basic realm="));
                assert!(!String::from_utf8_lossy(&got.body).contains("h5"), "{got:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_anonymous_users_everything_needs_a_login() {
    let mut scene = scene();
    scene.served.serve_again(RULES, |config| config.anonymous = false);
    for place in &scene.places {
        for name in operations(place) {
            let got = scene.served.answer(operation(name, &place.name, "v", None)).await;
            assert_eq!(got.status, 401, "{name} {:?}", place.name);
        }
    }
    for (method, page) in [
        ("GET", "/v2"),
        ("POST", "/v2/token"),
        ("POST", "/v2/none"),
        ("PUT", "/v2/open"),
    ] {
        let got = scene
            .served
            .answer(request(method, page, &[], Body::empty()))
            .await;
        assert_eq!(got.status, 401, "{method} {page}");
        assert_eq!(got.header(protocol::PROTOCOL_HEADER), "2");
    }
    assert_eq!(scene.served.get("/health", &[]).await.status, 200);
    let login = basic("none", "pw");
    let public = operation("stat", "public/a.h5", "", Some(&login));
    assert_eq!(scene.served.answer(public).await.status, 200);
}

#[tokio::test]
async fn pages_of_a_listing_stay_full() {
    let names: Vec<String> = (0..2_400).map(|number| format!("d{number:04}")).collect();
    let rules: String = names
        .iter()
        .step_by(2)
        .map(|name| format!("[{name}]\nread = ['a']\n"))
        .collect();
    let mut served = Served::with_users(&USERS, "");
    for name in &names {
        std::fs::create_dir(served.path(name)).unwrap();
    }
    served.serve_again(&rules, |_| {});
    let (mut after, mut pages, mut seen) = (None, Vec::new(), Vec::new());
    loop {
        let page: ListReply = served
            .post(
                "list",
                &ListRequest {
                    path: String::new(),
                    after: after.clone(),
                },
            )
            .await
            .decode();
        pages.push(page.entries.len());
        seen.extend(page.entries.into_iter().map(|entry| entry.name));
        after = seen.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(pages, [1_000, 200]);
    assert!(seen.iter().eq(names.iter().skip(1).step_by(2)));
}

#[tokio::test]
async fn a_hidden_root_shows_nothing() {
    let mut served = Served::with_users(&USERS, "['']\nread = ['a']\n");
    served.write("x", b"content");
    served.serve_again("['']\nread = ['a']\n", |_| {});
    let root = served.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    for (user, status) in [("none", 404), ("one", 200)] {
        let login = basic(user, "pw");
        for path in ["", "x", &root] {
            let got = served.answer(operation("stat", path, "", Some(&login))).await;
            assert_eq!(got.status, status, "{user} {path}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the rules and however a path is written: nobody gets a file without its roles.
    #[test]
    fn no_way_around_the_rules(
        rules in prop::collection::btree_map("[ab](/[ab]){0,2}", "[xy]?", 0..4),
        paths in prop::collection::vec("/?([ab.]|l|\\.\\.|)(/([abf.]|l|\\.\\.|)){0,4}", 1..30),
        roles in "[xy ]{0,2}",
    ) {
        let text: String = rules
            .iter()
            .map(|(path, role)| format!("['{path}']\nread = [{}]\n", if role.is_empty() { String::new() } else { format!("'{role}'") }))
            .collect();
        let has: Vec<&str> = roles.split("").filter(|role| !role.trim().is_empty()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut served = Served::new();
            // Every file holds its own real path; a link at each level leads to the top.
            for one in ["", "a/", "b/", "a/a/", "a/b/", "b/a/", "b/b/", "a/a/a/"] {
                served.write(&format!("{one}f"), format!("{one}f").as_bytes());
                symlink(served.path(""), served.path(&format!("{one}l"))).unwrap();
            }
            write_users(&served.users(), &[("u", "pw", &has.join(" "))]);
            served.serve_again(&text, |_| {});
            for path in &paths {
                let path = if path.starts_with('/') { format!("{}{path}", served.path("").display()) } else { path.clone() };
                let login = basic("u", "pw");
                let got = served.answer(operation("GET", &path, "", Some(&login))).await;
                let opened = served.answer(operation("open", &path, "", Some(&login))).await;
                let mut files = Vec::new();
                if got.status == 200 {
                    files.push(String::from_utf8(got.body.to_vec()).unwrap());
                }
                if opened.status == 200 {
                    files.push(opened.decode::<protocol::OpenReply>().path);
                }
                for file in files {
                    for (rule, role) in &rules {
                        let guarded = file.starts_with(&format!("{rule}/"));
                        prop_assert!(!guarded || role.is_empty() || has.contains(&role.as_str()), "{path} gave {file}");
                    }
                }
            }
            Ok(())
        })?;
    }
}
