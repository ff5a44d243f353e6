use std::fs;

use super::*;
use crate::protocol::Run;
use crate::settings;
use crate::testing::{Fault, Memory};

fn content() -> Vec<u8> {
    (0..100_000u32).map(|number| (number % 251) as u8).collect()
}

struct Scene {
    memory: Memory,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self {
            memory: Memory::new(content()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn download(&self) -> Download {
        let name = RemoteName::parse("https://h/hdfstream/file").unwrap();
        let settings = crate::testing::settings();
        let server = Server::with_transport("https://h", std::sync::Arc::new(self.memory.clone()), &settings);
        Download::of(server, &name).unwrap()
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    fn fetch(&self) -> Result<Arrival, DownloadError> {
        self.download().to_file(&self.target(), true, &quiet())
    }

    fn fail(&self, faults: &[Fault]) {
        self.memory
            .edit(|state| state.faults.extend(faults.iter().cloned()));
    }

    /// Names in the folder.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn quiet() -> Progress {
    Progress::start(settings::Progress::Never, None, "")
}

/// The connection is cut in every attempt of one request; the stat before it is answered.
fn cut_for_good(after: usize) -> Vec<Fault> {
    let mut faults = vec![Fault::None, Fault::Cut(after)];
    faults.extend([Fault::Cut(0), Fault::Cut(0), Fault::Cut(0)]);
    faults
}

#[test]
fn a_file_arrives_whole_with_its_time() {
    let scene = Scene::new();
    let arrival = scene.fetch().unwrap();
    assert_eq!(
        arrival,
        Arrival {
            resumed: 0,
            checked: true
        }
    );
    assert_eq!(fs::read(scene.target()).unwrap(), content());
    assert_eq!(scene.files(), ["file"]);
    let modified = fs::metadata(scene.target()).unwrap().modified().unwrap();
    assert_eq!(modified, time(1_000_000_001));
    assert_eq!(scene.memory.operations(), ["stat", "read", "digest"]);
}

#[test]
fn an_empty_file_needs_no_request() {
    let scene = Scene::new();
    scene.memory.edit(|state| state.content.clear());
    scene.fetch().unwrap();
    assert_eq!(fs::read(scene.target()).unwrap(), b"");
    assert_eq!(scene.memory.operations(), ["stat"]);
}

#[test]
fn a_cut_answer_is_continued_where_it_ended() {
    let scene = Scene::new();
    scene.fail(&[Fault::None, Fault::Cut(30_000)]);
    assert_eq!(scene.fetch().unwrap().resumed, 0);
    assert_eq!(fs::read(scene.target()).unwrap(), content());
    let log = scene.memory.edit(|state| state.log.clone());
    assert_eq!(log[2].1, [Run::range(30_000, 70_000)]);
}

#[test]
fn a_later_download_goes_on_with_the_same_version_and_no_other() {
    let scene = Scene::new();
    scene.fail(&cut_for_good(30_000));
    assert!(matches!(
        scene.fetch(),
        Err(DownloadError::Remote(Error::Cut { .. }))
    ));
    assert_eq!(scene.files(), [".file.part", ".file.part.json"]);
    assert_eq!(scene.fetch().unwrap().resumed, 30_000);
    assert_eq!(fs::read(scene.target()).unwrap(), content());

    scene.fail(&cut_for_good(30_000));
    assert!(scene.fetch().is_err());
    let other = vec![9; 50_000];
    scene.memory.edit(|state| {
        state.version = "v2".to_owned();
        state.content.clone_from(&other);
    });
    assert_eq!(scene.fetch().unwrap().resumed, 0);
    assert_eq!(fs::read(scene.target()).unwrap(), other);
    assert_eq!(scene.files(), ["file"]);
}

#[test]
fn a_change_on_the_way_is_told() {
    let scene = Scene::new();
    let download = scene.download();
    scene.memory.edit(|state| state.version = "v2".to_owned());
    let error = download.to_file(&scene.target(), true, &quiet()).unwrap_err();
    assert!(matches!(error, DownloadError::Changed { .. }), "{error}");
    assert!(!scene.target().exists());
}

#[test]
fn wrong_bytes_on_the_disk_are_fetched_again() {
    let scene = Scene::new();
    scene.fail(&cut_for_good(30_000));
    assert!(scene.fetch().is_err());
    fs::write(scene.folder.path().join(".file.part"), vec![0; 30_000]).unwrap();
    assert_eq!(scene.fetch().unwrap().resumed, 30_000);
    assert_eq!(fs::read(scene.target()).unwrap(), content());
}

#[test]
fn bytes_that_stay_wrong_are_no_file() {
    let scene = Scene::new();
    let download = scene.download();
    // Every read is answered with other bytes than the digest is made of.
    let lie = Memory::new(vec![1; content().len()]);
    let settings = crate::testing::settings();
    let server = Server::with_transport(
        "https://h",
        std::sync::Arc::new(Liar(scene.memory.clone(), lie)),
        &settings,
    );
    let download = Download { server, ..download };
    let error = download.to_file(&scene.target(), true, &quiet()).unwrap_err();
    assert!(
        matches!(error, DownloadError::Differs { offset: 0, .. }),
        "{error}"
    );
    assert_eq!(scene.files(), [".file.part", ".file.part.json"]);
    let mut sink = Vec::new();
    let error = download.to_sink(&mut sink, true, &quiet()).unwrap_err();
    assert!(matches!(error, DownloadError::Differs { .. }), "{error}");
    download.to_sink(&mut sink, false, &quiet()).unwrap();
}

/// Answers reads from another server than the rest.
struct Liar(Memory, Memory);

impl crate::transport::Transport for Liar {
    fn send<'a>(
        &'a self,
        request: crate::transport::Request<'a>,
    ) -> futures_util::future::BoxFuture<'a, Result<crate::transport::Answer, crate::transport::Failure>>
    {
        match request.url.ends_with("/read") {
            true => self.1.send(request),
            false => self.0.send(request),
        }
    }
}

#[test]
fn two_downloads_to_one_place_do_not_mix() {
    let scene = Scene::new();
    let _first = Partial::open(&scene.target(), "u", "v").unwrap();
    let error = scene.fetch().unwrap_err();
    assert!(matches!(error, DownloadError::InUse(_)), "{error}");
}

#[test]
fn a_sink_that_fails_is_reported_as_such() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let scene = Scene::new();
    let error = scene.download().to_sink(&mut Full, true, &quiet()).unwrap_err();
    assert!(matches!(error, DownloadError::Output(_)), "{error}");
}
