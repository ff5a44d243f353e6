//! The settings file as text, changed in one place and checked to say what it said before in all others.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use hdfstream::settings::file::SettingsFile;
use serde_json::Value;

use super::super::Failure;
use super::edit::{self, Entry};

/// The settings file.
pub(super) struct SettingsText {
    /// The file itself, also when a link leads to it.
    path: PathBuf,
    text: String,
}

impl SettingsText {
    /// Reads the file at `path`; where there is none, it is empty.
    pub(super) fn read(path: PathBuf) -> Result<Self, Failure> {
        let path = match fs::canonicalize(&path) {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => path,
            Err(error) => return Err(Failure::local(&path)(error)),
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::local(&path)(error)),
        };
        let read = Self { path, text };
        SettingsFile::parse(&read.text, &read.path)?;
        Ok(read)
    }

    /// The URL of an alias.
    pub(super) fn alias(&self, name: &str) -> Result<Option<String>, Failure> {
        let value = value(&self.text).unwrap_or_default();
        let url = &value["aliases"][name]["url"];
        Ok(url.as_str().map(str::to_owned))
    }

    /// Adds an alias, and gives the name of the file.
    pub(super) fn add(&mut self, entry: &Entry<'_>) -> Result<&Path, Failure> {
        let mut expected = value(&self.text).unwrap_or_default();
        if !expected["aliases"].is_object() {
            expected["aliases"] = Value::Object(serde_json::Map::new());
        }
        expected["aliases"][entry.name] = entry.value();
        let text = edit::add(&self.text, entry);
        self.take(text, &expected, "add below 'aliases:'", &entry.lines("  "))?;
        let file = SettingsFile::parse(&self.text, &self.path)?;
        match file.aliases().contains_key(entry.name) {
            true => self.write(),
            false => Err(Failure::BadAlias(entry.name.to_owned())),
        }
    }

    /// Removes an alias, and gives the name of the file.
    pub(super) fn remove(&mut self, name: &str) -> Result<&Path, Failure> {
        let mut expected = value(&self.text).unwrap_or_default();
        if let Some(aliases) = expected["aliases"].as_object_mut() {
            aliases.remove(name);
        }
        let text = edit::remove(&self.text, name);
        self.take(
            text,
            &expected,
            "remove from below 'aliases:' what belongs to",
            name,
        )?;
        // A mount may still lead to the alias; then the message says so.
        SettingsFile::parse(&self.text, &self.path)?;
        self.write()
    }

    /// Takes `text` if it says exactly what is expected; else the user is told what to write.
    fn take(
        &mut self,
        text: Option<String>,
        expected: &Value,
        what: &'static str,
        lines: &str,
    ) -> Result<(), Failure> {
        match text.filter(|text| value(text).as_ref() == Some(expected)) {
            Some(text) => {
                self.text = text;
                Ok(())
            }
            None => Err(Failure::EditByHand {
                path: self.path.clone(),
                what,
                lines: lines.to_owned(),
            }),
        }
    }

    /// Writes the file at once: nobody ever sees half of it.
    fn write(&self) -> Result<&Path, Failure> {
        let failed = Failure::local(&self.path);
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let write = || {
            fs::create_dir_all(folder)?;
            let mut beside = tempfile::NamedTempFile::new_in(folder)?;
            beside.write_all(self.text.as_bytes())?;
            // A new file is its owner's alone; one that is there keeps its mode.
            if let Ok(metadata) = fs::metadata(&self.path) {
                beside.as_file().set_permissions(metadata.permissions())?;
            }
            beside.as_file().sync_all()?;
            beside.persist(&self.path)?;
            Ok(())
        };
        write().map_err(failed)?;
        Ok(&self.path)
    }
}

/// What a text says as YAML; an empty one says nothing, which is as much as an empty map.
fn value(text: &str) -> Option<Value> {
    match serde_saphyr::from_str::<Option<Value>>(text).ok()? {
        None | Some(Value::Null) => Some(Value::Object(serde_json::Map::new())),
        some => some,
    }
}

#[cfg(test)]
mod tests;
