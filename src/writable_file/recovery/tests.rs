//! Recovery files that are written by hand, and damaged.

use super::*;

fn written(folder: &Path) -> (PathBuf, Header) {
    let header = Header {
        url: "https://h/x/f.h5".to_owned(),
        begin: Begin::Existing,
        version: "v".to_owned(),
        lease: "0123".to_owned(),
        size: 100,
        time: 1_700_000_000,
        ranges: vec![(10, 3), (50, 2)],
        zeros: vec![(20, 5)],
        missing: vec![],
    };
    let mut writer = Writer::create(folder, header.time).unwrap();
    writer.add(b"abc").unwrap();
    writer.add(b"de").unwrap();
    (writer.finish(&header).unwrap(), header)
}

#[test]
fn what_was_kept_is_found_again() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("a/b");
    assert!(list_in(&folder).unwrap().is_empty());
    let (path, header) = written(&folder);
    std::fs::write(folder.join("other"), "x").unwrap();
    std::fs::write(folder.join(format!("9.{SUFFIX}")), "x").unwrap();
    let found = list_in(&folder).unwrap();
    assert_eq!(found.len(), 2);
    let kept = found[0].1.as_ref().unwrap();
    assert_eq!((kept.path(), kept.bytes(), kept.missing()), (&*path, 10, 0));
    assert!(found[1].1.is_err());
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.header, header);
    reader.check().unwrap();
    let mut seen = Vec::new();
    reader
        .for_each(|offset, bytes| {
            seen.push((offset, bytes.to_vec()));
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, [(10, b"abc".to_vec()), (50, b"de".to_vec())]);
    for (path, mode) in [(&path, 0o600), (&folder, 0o700)] {
        let permissions = std::fs::metadata(path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
    }
}

#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = written(folder.path());
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        std::fs::write(&path, bytes).unwrap();
        let found = Reader::open(&path).and_then(|mut reader| reader.check());
        assert!(matches!(found, Err(Error::Recovery { .. })), "byte {at}");
    }
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Reader::open(&path).is_err(), "{length} bytes");
    }
}
