//! The YAML of a settings file: which keys there are, and what their values mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::super::{Secret, ServerEntry, Settings, keys, values};
use super::{Mount, SettingsFile, Value};
use crate::name::{alias, mount};
use crate::{Error, RemoteName};

/// The file as it is written.
#[derive(Debug, Default)]
struct Document {
    aliases: Option<BTreeMap<String, Spanned<Entry>>>,
    mounts: Option<BTreeMap<String, Spanned<String>>>,
    servers: Option<BTreeMap<String, Spanned<Entry>>>,
    /// The plain keys that are set.
    values: Vec<Value>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Document;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("keys with values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
                let mut document = Document::default();
                while let Some(name) = entries.next_key()? {
                    match name {
                        Name::Aliases => document.aliases = entries.next_value()?,
                        Name::Mounts => document.mounts = entries.next_value()?,
                        Name::Servers => document.servers = entries.next_value()?,
                        Name::Plain(key) => {
                            let value: Option<Spanned<Scalar>> = entries.next_value()?;
                            document.values.extend(value.map(|spanned| Value {
                                key,
                                line: spanned.referenced.line(),
                                text: Secret::new(spanned.value.0),
                            }));
                        }
                    }
                }
                Ok(document)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// What stands before a colon of the document itself.
enum Name {
    Aliases,
    Mounts,
    Servers,
    Plain(&'static str),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a setting")
            }

            // What is refused here is told with its place.
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
                let plain = || keys::KEYS.iter().find(|key| key.name == name);
                match name {
                    "aliases" => Ok(Name::Aliases),
                    "mounts" => Ok(Name::Mounts),
                    "servers" => Ok(Name::Servers),
                    _ => plain()
                        .map(|key| Name::Plain(key.name))
                        .ok_or_else(|| E::custom(format!("there is no setting `{name}`"))),
                }
            }
        }
        deserializer.deserialize_identifier(Text)
    }
}

/// A server or an alias. Only an alias has a `url`: a server's is its key.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    url: Option<String>,
    user: Option<String>,
    use_keyring: Option<bool>,
    ca: Option<String>,
    client_certificate: Option<String>,
    client_key: Option<String>,
    proxy: Option<String>,
    verify: Option<bool>,
}

/// Text, a number or a truth value, kept as the text that means the same.
#[derive(Debug)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Scalar;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, a number, true or false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// Reads a whole file.
pub(super) fn read(text: &str, path: &Path) -> Result<SettingsFile, Error> {
    let bad = |line: u64, reason: String| Error::SettingsFile {
        path: path.to_path_buf(),
        line,
        reason,
    };
    // An empty file says nothing; as YAML it would be null.
    let document: Option<Document> = serde_saphyr::from_str(text).map_err(|error| {
        // Without the snippet, which would show whatever stands in the file.
        let error = error.without_snippet();
        let place = error.location();
        bad(
            place.map_or(0, |place| place.line()),
            without_place(&error.to_string()),
        )
    })?;
    let document = document.unwrap_or_default();
    let mut file = SettingsFile {
        path: path.to_path_buf(),
        values: document.values,
        ..SettingsFile::default()
    };
    // Here too, so that a mistake is found whoever reads the file.
    let mut settings = Settings::default();
    for value in &file.values {
        settings
            .set(value.key, value.key, value.text.reveal())
            .map_err(|error| file.at(value.line, error))?;
    }
    let mut servers: BTreeMap<RemoteName, ServerEntry> = BTreeMap::new();
    let mut add = |entry: &ServerEntry| match servers.get_mut(&entry.base) {
        Some(known) => known.complete_from(entry),
        None => {
            servers.insert(entry.base.clone(), entry.clone());
        }
    };
    for (url, said) in document.servers.unwrap_or_default() {
        let wrong = |reason: String| bad(said.referenced.line(), format!("servers: {reason}"));
        if said.value.url.is_some() {
            return Err(wrong(
                "a server has its URL as its key; leave 'url' out".to_owned(),
            ));
        }
        add(&entry(&url, &said.value).map_err(wrong)?);
    }
    for (name, said) in document.aliases.unwrap_or_default() {
        let wrong = |reason: String| bad(said.referenced.line(), format!("aliases: {name}: {reason}"));
        let url = said
            .value
            .url
            .as_deref()
            .ok_or_else(|| wrong("it has no url".to_owned()))?;
        let entry = entry(url, &said.value).map_err(wrong)?;
        add(&entry);
        // The Python client takes any text for a name. One that could not be told from a path is of no use
        // before one, but what is said of its server counts.
        if alias::is_name(&name) {
            file.aliases.insert(name, entry);
        } else {
            log::warn!(
                "{}: the alias {name:?} cannot be used before a path",
                path.display()
            );
        }
    }
    file.servers = servers.into_values().collect();
    file.servers
        .sort_by_key(|server| std::cmp::Reverse(server.base.components().len()));
    let mut seen = BTreeSet::new();
    for (local, said) in document.mounts.unwrap_or_default() {
        let wrong = |reason: String| bad(said.referenced.line(), format!("mounts: {local}: {reason}"));
        let plain = mount::plain(&local).filter(|plain| plain != "/").ok_or_else(|| {
            wrong("it must be the full path of a directory, such as /data, and not / itself".to_owned())
        })?;
        let remote = alias::target(&said.value, &file.aliases).map_err(|error| wrong(error.to_string()))?;
        if !seen.insert(plain.clone()) {
            return Err(wrong("it stands here twice".to_owned()));
        }
        file.mounts.push(Mount { local: plain, remote });
    }
    file.mounts
        .sort_by_key(|mount| std::cmp::Reverse(mount.local.len()));
    Ok(file)
}

/// What is said of the server at `url`; the error says what is wrong.
fn entry(url: &str, said: &Entry) -> Result<ServerEntry, String> {
    let words = |error: Error| error.to_string();
    let path = |text: &Option<String>| text.as_deref().map(keys::path);
    let proxy = said.proxy.as_deref().map(|proxy| values::proxy("proxy", proxy));
    Ok(ServerEntry {
        spellings: vec![url.trim_end_matches('/').to_owned()],
        user: said.user.clone(),
        use_keyring: said.use_keyring.unwrap_or(false),
        ca: path(&said.ca),
        client_certificate: path(&said.client_certificate),
        client_key: path(&said.client_key),
        proxy: proxy.transpose().map_err(words)?,
        verify: said.verify.unwrap_or(true),
        ..ServerEntry::new(RemoteName::parse(url).map_err(words)?)
    })
}

/// The parser's words on one line, without the place at their end, which is told before them.
fn without_place(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.rfind(" at line ") {
        Some(end) => line[..end].to_owned(),
        None => line,
    }
}
