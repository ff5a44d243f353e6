//! Servers that speak only the protocol from before ("v1"): they give the objects of HDF5 files, not bytes.
//!
//! [`ObjectServer`] asks, [`Answer`] holds what came, [`Found`] is how it reads. Values stay where they arrived;
//! what cannot be understood is left out by itself and spoils nothing beside it.

mod answer;
mod element;
mod incoming;
mod object;
mod question;
mod rows;
mod texts;
mod value;

use std::sync::Arc;

use crate::server::Server;
use crate::server::older::path_of;
use crate::{Error, Showing};

pub(crate) use answer::ask;
pub use answer::{Answer, Directory, File, Found};
pub use element::{Element, Field};
pub use object::{Array, Attribute, Content, Dataset, Group, Object, Sequences};
pub use question::{INLINE, LEVELS, Question};
pub use rows::Rows;
pub use texts::Place;

/// A server of the older protocol, at its base URL.
#[derive(Clone)]
pub struct ObjectServer {
    server: Arc<Server>,
    /// Path of the base, escaped.
    base: String,
}

impl ObjectServer {
    pub(crate) fn new(server: Arc<Server>, base: String) -> Self {
        Self { server, base }
    }

    /// Scheme and authority.
    #[must_use]
    pub fn name(&self) -> &str {
        self.server.name()
    }

    /// Canonical URL of `path` below the base.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{}", self.server.name(), self.base, path_of(path))
    }

    /// Asks one question about the file or directory `path`.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network, the server and the file.
    pub fn ask(&self, path: &str, question: &Question<'_>) -> Result<Answer, Error> {
        answer::ask(&self.server, &self.base, path, question)
    }

    /// Asks several questions about one file, some at the same time.
    ///
    /// # Errors
    /// An error of its own for each question; a single one when nothing can be asked.
    pub fn ask_all(
        &self,
        path: &str,
        questions: &[Question<'_>],
    ) -> Result<Vec<Result<Answer, Error>>, Error> {
        answer::ask_all(&self.server, &self.base, path, questions)
    }

    /// Reads `rows` of a dataset whose elements are `element`s, of fixed size, packed, into `buffer`, in few requests.
    ///
    /// # Errors
    /// As [`Self::ask`]; the buffer may then be partly filled.
    pub fn read(
        &self,
        path: &str,
        object: &str,
        rows: &Rows,
        element: &Element,
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let url = self.url(path);
        let _showing = Showing::begin(self.server.progress(), buffer.len() as u64, &url);
        let replies = incoming::requests(object, rows, element, buffer);
        self.server.receive_all(&self.base, path, &url, replies)
    }

    /// Reads `rows` of a dataset of texts of variable length, and gives each to `place` while others arrive.
    ///
    /// # Errors
    /// As [`Self::ask`]; some texts may have been placed then.
    pub fn read_texts(&self, path: &str, object: &str, rows: &Rows, place: &Place<'_>) -> Result<(), Error> {
        let url = self.url(path);
        let replies = texts::requests(object, rows, place);
        self.server.receive_all(&self.base, path, &url, replies)
    }

    /// Reads `rows` of a dataset of variable length; an answer for each part, in order.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn read_sequences(&self, path: &str, object: &str, rows: &Rows) -> Result<Vec<Answer>, Error> {
        let parts = rows.parts(incoming::HANDLE);
        let questions: Vec<_> = parts.iter().map(|part| Question::slices(object, part)).collect();
        self.ask_all(path, &questions)?.into_iter().collect()
    }
}
