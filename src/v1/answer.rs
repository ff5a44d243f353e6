//! Answers: asked for, kept as they came, read when they are wanted.

use super::object::{Array, Object};
use super::question::Question;
use super::value::Value;
use crate::server::Server;
use crate::server::reply::Collect;
use crate::{Error, protocol};

/// Most values in one answer: names, numbers, lists.
const MOST_VALUES: usize = 16 << 20;

/// An answer, as it came.
#[derive(Debug)]
pub struct Answer {
    bytes: Vec<u8>,
    url: String,
    server: String,
}

/// What an answer says.
#[derive(Debug)]
pub enum Found<'a> {
    /// The path is a directory.
    Directory(Directory),
    /// The path is a file, and nothing in it was asked for.
    File(File),
    /// An object in a file.
    Object(Object<'a>),
    /// Elements of a dataset.
    Elements(Array<'a>),
}

/// A directory.
#[derive(Debug)]
pub struct Directory {
    /// Names of the directories in it.
    pub directories: Vec<String>,
    /// The files in it, by name.
    pub files: Vec<(String, File)>,
}

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Whether the server takes it for an HDF5 file.
    pub is_hdf5: bool,
    /// Bytes.
    pub size: u64,
    /// Last modification, milliseconds since 1970-01-01 UTC.
    pub modified: u64,
}

impl File {
    fn read(value: &Value<'_>) -> Self {
        let number = |key| value.get(key).and_then(Value::number).unwrap_or_default();
        let kind = value.get("type").and_then(Value::text);
        Self {
            is_hdf5: kind == Some("application/x-hdf5"),
            size: number("size"),
            modified: number("last_modified"),
        }
    }
}

impl Answer {
    /// Reads the answer.
    ///
    /// # Errors
    /// [`Error::Garbage`] when it is not one complete message, [`Error::ServerFailed`] when it broke off.
    pub fn found(&self) -> Result<Found<'_>, Error> {
        let value = Value::parse(&self.bytes, MOST_VALUES).map_err(|why| {
            // The server says late that it failed: behind what it had sent already.
            let broke_off = self.bytes.windows(7).any(|window| window == b"\x81\xA5error");
            match broke_off {
                true => Error::ServerFailed {
                    url: self.url.clone(),
                    server: self.server.clone(),
                    reason: "its answer broke off".to_owned(),
                },
                false => self.garbage(why),
            }
        })?;
        if value.get("type").and_then(Value::text) == Some("directory") {
            return Ok(Found::Directory(Directory::read(&value)));
        }
        if value.get("hdf5_object").is_some() {
            return Ok(Found::Object(Object::read(&value)));
        }
        if value.get("last_modified").is_some() {
            return Ok(Found::File(File::read(&value)));
        }
        Array::read(&value)
            .map(Found::Elements)
            .map_err(|why| self.garbage(why))
    }

    /// The error for an answer that is not what was asked for.
    #[must_use]
    pub fn garbage(&self, reason: String) -> Error {
        Error::Garbage {
            url: self.url.clone(),
            server: self.server.clone(),
            reason,
        }
    }
}

impl Directory {
    fn read(value: &Value<'_>) -> Self {
        let names = |key: &str| {
            let entries = value.get(key).and_then(Value::entries).into_iter().flatten();
            // A name that is no text or no single component cannot be asked for.
            entries.filter_map(|(name, entry)| {
                let name = std::str::from_utf8(name).ok()?;
                let usable = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
                usable.then(|| (name.to_owned(), entry))
            })
        };
        let directories = names("directories").map(|(name, _)| name).collect();
        let files = names("files")
            .map(|(name, entry)| (name, File::read(entry)))
            .collect();
        Self { directories, files }
    }
}

pub(crate) fn ask(server: &Server, base: &str, path: &str, question: &Question<'_>) -> Result<Answer, Error> {
    let answers = ask_all(server, base, path, std::slice::from_ref(question))?;
    // As many answers as questions.
    answers.into_iter().next().unwrap_or_else(|| {
        Err(Error::Engine {
            reason: "a question was lost".to_owned(),
        })
    })
}

pub(super) fn ask_all(
    server: &Server,
    base: &str,
    path: &str,
    questions: &[Question<'_>],
) -> Result<Vec<Result<Answer, Error>>, Error> {
    let url = format!("{}{base}{}", server.name(), crate::server::older::path_of(path));
    let encode = |question: &Question<'_>| protocol::encode(question).map(Collect::new);
    let replies: Result<Vec<_>, _> = questions.iter().map(encode).collect();
    let replies = replies.map_err(|error| Error::Engine {
        reason: error.to_string(),
    })?;
    let results = server.receive_each(base, path, &url, replies, false)?;
    let answer = |(reply, result): (Collect, Result<(), Error>)| {
        result.map(|()| Answer {
            bytes: reply.into_bytes(),
            url: url.clone(),
            server: server.name().to_owned(),
        })
    };
    Ok(results.into_iter().map(answer).collect())
}
