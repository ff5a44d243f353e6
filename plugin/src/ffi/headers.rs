//! Holds the checked-in bindings against the real headers of the oldest and the newest supported HDF5: every
//! size, offset and used constant becomes a `_Static_assert` that the C compiler checks.

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// Structures that differ between versions. None is used: optional operations pass through opaquely.
const DIFFERENT: [&str; 2] = [
    "H5VL_native_dataset_chunk_read_t",
    "H5VL_native_dataset_chunk_write_t",
];

/// Fields inside unnamed unions, which bindgen's own assertions do not reach.
const INNER: [(&str, usize); 12] = [
    (
        "H5VL_file_get_args_t, args.get_fapl.fapl_id",
        offset_of!(H5VL_file_get_args_t, args.get_fapl.fapl_id),
    ),
    (
        "H5VL_file_get_args_t, args.get_name.buf",
        offset_of!(H5VL_file_get_args_t, args.get_name.buf),
    ),
    (
        "H5VL_file_get_args_t, args.get_name.buf_size",
        offset_of!(H5VL_file_get_args_t, args.get_name.buf_size),
    ),
    (
        "H5VL_file_specific_args_t, args.is_accessible.accessible",
        offset_of!(H5VL_file_specific_args_t, args.is_accessible.accessible),
    ),
    (
        "H5VL_file_specific_args_t, args.is_accessible.fapl_id",
        offset_of!(H5VL_file_specific_args_t, args.is_accessible.fapl_id),
    ),
    (
        "H5VL_file_specific_args_t, args.del.fapl_id",
        offset_of!(H5VL_file_specific_args_t, args.del.fapl_id),
    ),
    (
        "H5VL_dataset_get_args_t, args.get_dcpl.dcpl_id",
        offset_of!(H5VL_dataset_get_args_t, args.get_dcpl.dcpl_id),
    ),
    (
        "H5VL_dataset_get_args_t, args.get_space.space_id",
        offset_of!(H5VL_dataset_get_args_t, args.get_space.space_id),
    ),
    (
        "H5VL_dataset_get_args_t, args.get_type.type_id",
        offset_of!(H5VL_dataset_get_args_t, args.get_type.type_id),
    ),
    (
        "H5VL_object_get_args_t, args.get_info.fields",
        offset_of!(H5VL_object_get_args_t, args.get_info.fields),
    ),
    (
        "H5VL_object_get_args_t, args.get_info.oinfo",
        offset_of!(H5VL_object_get_args_t, args.get_info.oinfo),
    ),
    (
        "H5VL_native_dataset_optional_args_t, chunk_iter.op_data",
        offset_of!(H5VL_native_dataset_optional_args_t, chunk_iter.op_data),
    ),
];

const BINDINGS: &str = include_str!("bindings.rs");

/// C names of fields that are keywords in Rust carry an underscore there.
fn c_name(field: &str) -> &str {
    field.trim_end_matches('_')
}

/// Structures without a typedef of the same name go by their tag.
fn c_type(name: &str) -> String {
    if name.ends_with("_t") && name != "H5FD_t" {
        name.to_owned()
    } else {
        format!("struct {name}")
    }
}

/// `["Size of X"][... - 16usize];` as `("Size of X", 16)`.
fn assertions() -> Vec<(String, usize)> {
    let joined = BINDINGS.replace('\n', " ");
    joined
        .split("[\"")
        .skip(1)
        .filter_map(|text| {
            let (what, rest) = text.split_once("\"]")?;
            let (_, value) = rest.split_once(" - ")?;
            let (value, _) = value.split_once("usize")?;
            Some((what.to_owned(), value.trim().parse().ok()?))
        })
        .collect()
}

/// Constants that the plugin's sources use, with their values.
fn constants() -> Vec<(String, i64)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
    for folder in [sources.clone(), sources.join("replica")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    BINDINGS
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("pub const ")?.split_once(':')?;
            let value = rest
                .split_once('=')?
                .1
                .trim()
                .trim_end_matches(';')
                .parse()
                .ok()?;
            text.contains(&format!("ffi::{name}"))
                .then(|| (name.to_owned(), value))
        })
        .collect()
}

fn c_source() -> String {
    let mut source = String::from("#include <stddef.h>\n#include \"wrapper.h\"\n");
    // In 1.14 constants are comma expressions that initialise the library first; the assertions want the value.
    source.push_str("#undef H5CHECK\n#define H5CHECK\n#undef H5OPEN\n#define H5OPEN\n");
    let mut assert = |expression: String| {
        let _ = writeln!(source, "_Static_assert({expression}, \"\");");
    };
    let mut count = 0;
    for (what, value) in assertions() {
        let different = DIFFERENT.iter().any(|name| what.contains(name));
        if different || what.contains("__bindgen") || what.contains("__va_list") {
            continue;
        }
        if let Some(name) = what.strip_prefix("Size of ") {
            assert(format!("sizeof({}) == {value}", c_type(name)));
        } else if let Some((name, field)) = what
            .strip_prefix("Offset of field: ")
            .and_then(|at| at.split_once("::"))
        {
            assert(format!(
                "offsetof({}, {}) == {value}",
                c_type(name),
                c_name(field)
            ));
        }
        count += 1;
    }
    assert!(count > 300, "only {count} assertions were found in the bindings");
    for (path, value) in INNER {
        assert(format!("offsetof({path}) == {value}"));
    }
    let constants = constants();
    assert!(constants.len() > 20, "only {constants:?}");
    for (name, value) in constants {
        assert(format!("{name} == {value}"));
    }
    source
}

fn compile(include: &Path) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("layout.c");
    std::fs::write(&source, c_source()).unwrap();
    let output = Command::new("cc")
        .arg("-fsyntax-only")
        .arg("-I")
        .arg(include)
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ffi"))
        .arg(&source)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Headers of the HDF5 that the server is built with.
fn newest() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let build = test.parent().and_then(Path::parent).unwrap().join("build");
    std::fs::read_dir(&build)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("out/include"))
        .find(|path| path.join("H5VLconnector.h").exists())
        .unwrap_or_else(|| {
            panic!(
                "build the server first: no HDF5 headers below {}",
                build.display()
            )
        })
}

/// Headers of HDF5 1.14, as `tests/tools/provision` installs it.
fn oldest() -> PathBuf {
    let tools = std::env::var_os("HDFSTREAM_TOOLS").map_or_else(
        || {
            let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
                || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"),
                PathBuf::from,
            );
            cache.join("hdfstream/tools")
        },
        PathBuf::from,
    );
    tools.join("hdf5-1.14/include")
}

#[test]
fn bindings_agree_with_the_newest_headers() {
    let (agrees, errors) = compile(&newest());
    assert!(agrees, "{errors}");
}

#[test]
fn bindings_agree_with_the_oldest_headers() {
    let (agrees, errors) = compile(&oldest());
    assert!(agrees, "{errors}");
}
