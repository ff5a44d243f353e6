//! `list` and `stat`.

use hdfstream::protocol::{EntryKind, ErrorKind, ListReply, ListRequest, StatReply, StatRequest};

use crate::harness::{Served, write};

async fn list(served: &Served, path: &str, after: Option<&str>) -> ListReply {
    let request = ListRequest {
        path: path.to_owned(),
        after: after.map(str::to_owned),
    };
    served.post("list", &request).await.decode()
}

async fn stat(served: &Served, path: &str) -> StatReply {
    let request = StatRequest {
        path: path.to_owned(),
    };
    served.post("stat", &request).await.decode()
}

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

#[tokio::test]
async fn a_directory_is_listed_with_kinds() {
    let served = Served::new();
    served.write("b.h5", SIGNATURE);
    let mut user_block = vec![7u8; 2048];
    user_block.extend_from_slice(SIGNATURE);
    served.write("Z.dat", &user_block);
    let mut nearly = vec![7u8; 1000];
    nearly.extend_from_slice(SIGNATURE);
    served.write("ä.txt", &nearly);
    served.write("empty", b"");
    served.write(".hidden", b"");
    std::fs::create_dir(served.path("dir")).unwrap();
    write(&served.outside("secret"), b"");
    std::os::unix::fs::symlink("b.h5", served.path("in")).unwrap();
    std::os::unix::fs::symlink("../secret", served.path("out")).unwrap();
    std::os::unix::fs::symlink("nowhere", served.path("dangling")).unwrap();
    let reply = list(&served, "", None).await;
    assert!(!reply.more);
    let found: Vec<_> = reply
        .entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.kind, entry.size))
        .collect();
    assert_eq!(
        found,
        [
            ("Z.dat", EntryKind::Hdf5, 2056),
            ("b.h5", EntryKind::Hdf5, 8),
            ("dir", EntryKind::Directory, 0),
            ("empty", EntryKind::File, 0),
            ("in", EntryKind::Hdf5, 8),
            ("ä.txt", EntryKind::File, 1008),
        ]
    );
}

#[tokio::test]
async fn long_directories_come_in_pages() {
    let served = Served::new();
    std::fs::create_dir(served.path("many")).unwrap();
    let names: Vec<String> = (0..2_345).map(|i| format!("f{i:05}")).collect();
    for name in &names {
        std::fs::write(served.path("many").join(name), b"").unwrap();
    }
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = list(&served, "many", found.last().map(String::as_str)).await;
        sizes.push(page.entries.len());
        found.extend(page.entries.into_iter().map(|entry| entry.name));
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [1_000, 1_000, 345]);
    assert_eq!(found, names);
}

#[tokio::test]
async fn what_cannot_be_listed_is_refused() {
    let served = Served::new();
    served.write("file", b"");
    for (path, kind) in [
        ("file", ErrorKind::Invalid),
        ("none", ErrorKind::NotFound),
        ("..", ErrorKind::NotFound),
        ("/", ErrorKind::NotFound),
    ] {
        let request = ListRequest {
            path: path.to_owned(),
            after: None,
        };
        assert_eq!(served.post("list", &request).await.refusal(), kind, "{path}");
    }
}

#[tokio::test]
async fn stat_tells_what_open_would() {
    let served = Served::new();
    served.write("d/a.h5", SIGNATURE);
    let reply = stat(&served, "d/a.h5").await;
    let open = served.open("d/a.h5").await;
    assert_eq!(reply.entry.name, "a.h5");
    assert_eq!(reply.entry.kind, EntryKind::Hdf5);
    assert_eq!(
        (reply.entry.size, reply.entry.modified),
        (open.size, open.modified)
    );
    assert_eq!(reply.version, Some(open.version));
    let directory = stat(&served, "d").await;
    assert_eq!(directory.entry.kind, EntryKind::Directory);
    assert_eq!(directory.version, None);
    assert_eq!(stat(&served, "").await.entry.kind, EntryKind::Directory);
}
