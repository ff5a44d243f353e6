//! Names that the settings file makes remote: aliases and mounts; and what a mistake in that file does.

use std::path::{Path, PathBuf};

use crate::harness::comparison::without_addresses;
use crate::harness::corpus;
use crate::harness::{Host, Plugin, Program, Server, assert_same, hdfstream, python, tool};

struct Scene {
    directory: tempfile::TempDir,
    server: Server,
    settings: PathBuf,
}

/// A served file, and a settings file with an alias and a mount.
fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    let served = directory.path().join("served/run 7");
    std::fs::create_dir_all(&served).expect("a directory");
    corpus::write_with("import write_files; write_files.plain('plain.h5')", &served);
    let server = Server::over(directory.path().join("served"));
    let settings = directory.path().join("config.yml");
    let text = format!(
        "aliases:\n  far:\n    url: {0}\n    user: null\n    use_keyring: false\n\
         mounts:\n  {1}/mnt: far\n  {1}/mnt/deep: 'far:run 7'\n  {1}/other: 'http://127.0.0.1:9/hdfstream'\n",
        server.base(),
        directory.path().display(),
    );
    std::fs::write(&settings, text).expect("a file");
    Scene {
        directory,
        server,
        settings,
    }
}

impl Scene {
    fn local(&self) -> PathBuf {
        self.directory.path().join("served/run 7/plain.h5")
    }

    /// Full path below the directory of the scene, where nothing is.
    fn below(&self, path: &str) -> String {
        self.directory.path().join(path).display().to_string()
    }

    fn with_settings(&self, program: Program) -> Program {
        program.env("HDFSTREAM_CONFIG", &self.settings)
    }

    /// All the names by which the settings make the file known.
    fn names(&self) -> [String; 5] {
        [
            "far:run 7/plain.h5".to_owned(),
            "far:/run 7//plain.h5".to_owned(),
            self.below("far:run 7/plain.h5"),
            self.below("mnt/run 7/plain.h5"),
            self.below("mnt/deep/../deep/plain.h5"),
        ]
    }
}

#[test]
fn h5py_reads_by_alias_and_below_mounts() {
    let scene = scene();
    let local = Host::H5py.reader().arg(scene.local()).output();
    for plugin in [Plugin::On, Plugin::Discovery] {
        for name in scene.names() {
            let remote = scene.with_settings(Host::H5py.reader()).arg(&name).plugin(plugin);
            let remote = remote.run().success();
            assert!(remote.stats().requests > 0, "{remote}");
            assert_same(&local, &remote.stdout);
        }
    }
}

#[test]
fn h5dump_reads_by_alias_and_below_mounts() {
    let scene = scene();
    let show = |program: Program, name: &str| {
        without_addresses(
            &scene
                .with_settings(program)
                .arg(name)
                .output()
                .replace(name, "FILE"),
        )
    };
    let local = show(tool("h5dump"), &scene.local().display().to_string());
    for name in scene.names() {
        assert_same(&local, &show(tool("h5dump").plugin(Plugin::On), &name));
    }
}

#[test]
fn the_command_line_tool_knows_them_too() {
    let scene = scene();
    for name in ["far:".to_owned(), "far:run 7/..".to_owned(), scene.below("mnt")] {
        let listing = scene.with_settings(hdfstream()).arg("ls").arg(&name).output();
        assert_eq!(listing, "run 7/\n", "{name}");
    }
    let listing = scene
        .with_settings(hdfstream())
        .arg("ls")
        .arg(scene.below("mnt/deep"));
    assert_eq!(listing.output(), "plain.h5\n");
}

#[test]
fn a_local_file_keeps_its_name_unless_it_lies_below_a_mount() {
    let scene = scene();
    let first = "import h5py, sys; print(sorted(h5py.File(sys.argv[1]))[0])";
    let make = |name: &str| {
        std::fs::create_dir_all(Path::new(name).parent().expect("a directory")).expect("a directory");
        let script = "import h5py, sys; h5py.File(sys.argv[1], 'w')['0 local'] = 1";
        python(script).arg(name).run().success();
    };
    let read = |name: &str| {
        let program = scene.with_settings(python(first)).arg(name).plugin(Plugin::On);
        program.output()
    };
    // As some library might put it together, and as it happens to be there.
    let looks_like_an_alias = scene.below("far:run 7/plain.h5");
    make(&looks_like_an_alias);
    assert_eq!(read(&looks_like_an_alias), "0 local\n");
    let below = scene.below("mnt/run 7/plain.h5");
    make(&below);
    assert_ne!(read(&below), "0 local\n");
}

#[test]
fn links_of_remote_files_go_through_mounts_of_their_own_server_alone() {
    let scene = scene();
    let script = "import h5py, sys\n\
                  f = h5py.File('links.h5', 'w')\n\
                  f['alias'] = h5py.ExternalLink('far:run 7/plain.h5', '/')\n\
                  for name in ('mnt', 'other'):\n\
                  \x20   f[name] = h5py.ExternalLink(f'{sys.argv[1]}/{name}/run 7/plain.h5', '/')\n";
    python(script)
        .arg(scene.directory.path())
        .directory(scene.directory.path().join("served"))
        .run()
        .success();
    let script = "import h5py, sys\n\
                  f = h5py.File(sys.argv[1])\n\
                  for name in ('alias', 'mnt', 'other'):\n\
                  \x20   try: print(name, sorted(f[name]))\n\
                  \x20   except (KeyError, OSError) as error: print(name, 'refused')\n";
    let program = scene.with_settings(python(script)).arg("far:links.h5");
    assert_eq!(
        program.plugin(Plugin::On).output(),
        "alias refused\nmnt ['group0', 'group1', 'group2', 'group3']\nother refused\n"
    );
}

/// Opens a local file, makes one, misses one, and tries a remote one.
const ALL_SORTS: &str = "\
import h5py, sys
local, missing, url = sys.argv[1:]
print(len(h5py.File(local)))
with h5py.File(missing + '-new.h5', 'a') as f: f['x'] = 1
print(list(h5py.File(missing + '-new.h5')))
for name in (missing, 'far:run 7/plain.h5', url):
    try: h5py.File(name)
    except OSError as error: print(error.errno, error)
";

#[test]
fn a_mistake_in_the_settings_file_stops_only_remote_files() {
    let scene = scene();
    let run = |directory: &str, plugin: Plugin| {
        std::fs::create_dir_all(scene.below(directory)).expect("a directory");
        let program = scene.with_settings(python(ALL_SORTS)).arg(scene.local());
        let program = program.arg(scene.below(&format!("{directory}/missing")));
        program
            .arg(scene.server.url("run 7/plain.h5"))
            .plugin(plugin)
            .run()
    };
    std::fs::write(&scene.settings, "read_timeout: 5\nmounst: {}\n").expect("a file");
    let native = run("native", Plugin::Off).success();
    let plugin = run("plugin", Plugin::On).success();
    let lines = |text: &str| -> Vec<String> {
        let text = text.replace("/native/", "/D/").replace("/plugin/", "/D/");
        text.lines().map(str::to_owned).collect()
    };
    let (native, shown) = (lines(&native.stdout), lines(&plugin.stdout));
    assert_eq!(native[..4], shown[..4], "{plugin}");
    assert!(shown[3].starts_with("2 "), "{plugin}");
    // The URL: errno 22, and where the mistake is.
    assert!(shown[4].starts_with("22 "), "{plugin}");
    for words in ["config.yml, line 2", "mounst"] {
        assert!(shown[4].contains(words), "{plugin}");
    }
    // And once why the alias was not understood.
    assert_eq!(plugin.stderr.matches("config.yml, line 2").count(), 1, "{plugin}");
    assert!(plugin.stderr.contains("far:run 7/plain.h5"), "{plugin}");
}

#[test]
fn a_settings_file_that_is_named_must_be_there() {
    let scene = scene();
    let program = hdfstream().arg("ls").arg(scene.server.base());
    let outcome = program
        .env("HDFSTREAM_CONFIG", scene.below("no.yml"))
        .run()
        .failure();
    assert!(outcome.stderr.contains("HDFSTREAM_CONFIG"), "{outcome}");
    // Without being named it need not be.
    let program = hdfstream().arg("ls").arg(scene.server.base());
    program.env("XDG_CONFIG_HOME", scene.below("no")).run().success();
}

#[test]
fn the_settings_file_is_found_in_the_users_directory() {
    let scene = scene();
    for (variable, folder) in [
        ("XDG_CONFIG_HOME", "xdg/hdfstream"),
        ("HOME", "home/.config/hdfstream"),
    ] {
        let folder = PathBuf::from(scene.below(folder));
        std::fs::create_dir_all(&folder).expect("a directory");
        std::fs::copy(&scene.settings, folder.join("config.yml")).expect("a copy");
        let value = scene.below(if variable == "HOME" { "home" } else { "xdg" });
        let listing = hdfstream().args(["ls", "far:"]).env(variable, value).output();
        assert_eq!(listing, "run 7/\n", "{variable}");
    }
}
