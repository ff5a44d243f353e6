//! A session with the client.

use super::script;
use crate::harness::{Server, corpus};

const WRITE: &str = "
import h5py, numpy, pathlib
pathlib.Path('run 7').mkdir()
pathlib.Path('README').write_text('Gas, and then some.\\n')
random = numpy.random.default_rng(1)
with h5py.File('run 7/snap.h5', 'w') as file:
    file.create_group('Header').attrs.update({'Redshift': 0.5, 'Name': 'a run'})
    gas = file.create_group('Gas')
    gas.create_dataset('Position', data=random.random((1000, 3)), chunks=(100, 3), compression='gzip')
    gas['Mass'] = random.random(1000).astype('f4')
    gas['Mass'].attrs['unit'] = 3
    file['Stars/Ages/Young'] = numpy.arange(7)
";

#[test]
fn a_session_with_the_python_client() {
    let directory = tempfile::tempdir().expect("a directory");
    let served = directory.path().join("served");
    let settings = directory.path().join("settings/hdfstream");
    std::fs::create_dir(&served).expect("a directory");
    std::fs::create_dir_all(&settings).expect("a directory");
    corpus::write_with(WRITE, &served);
    let server = Server::with(&served, &["--protocol", "v1"]);
    let text = format!(
        "aliases:\n  ours:\n    url: {}\n    user: null\n    use_keyring: false\n",
        server.base()
    );
    std::fs::write(settings.join("config.yml"), text).expect("a file");
    let session = script("v1_session.py").arg("ours").arg(&served);
    let outcome = session
        .env("XDG_CONFIG_HOME", directory.path().join("settings"))
        .directory(directory.path())
        .run()
        .success();
    assert!(
        outcome.stderr.contains("Slice: ") && outcome.stderr.contains("100%"),
        "{}",
        outcome.stderr
    );
}
