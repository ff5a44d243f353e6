//! `hdfstream alias`: short names of servers, in the settings file.

mod edit;
mod file;

use clap::{Args, Subcommand};
use hdfstream::settings::file::{current, path};
use hdfstream::{Error, RemoteName, Settings};
use serde::Serialize;

use super::{Failure, output};
use edit::Entry;
use file::SettingsText;

/// Show, add or remove short names of servers, to be used as in: hdfstream ls cosma:EAGLE
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show all aliases; so does no action at all.
    List,
    Add(Add),
    /// Remove an alias.
    Remove {
        /// The alias.
        name: String,
    },
}

/// Add an alias to the settings file, of which everything else stays as it is.
#[derive(Debug, Args)]
struct Add {
    /// The alias: letters, digits, dots, dashes and underscores.
    name: String,
    /// Base URL of the server, or a URL below it.
    url: String,
    /// Who to log in as there.
    #[arg(long)]
    user: Option<String>,
    /// Keep the password in the system's keyring.
    #[arg(long)]
    keyring: bool,
    /// Do not ask the server whether it is there.
    #[arg(long)]
    offline: bool,
}

/// An alias, as JSON has it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    url: String,
    user: Option<&'a str>,
    use_keyring: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.action {
        None | Some(Action::List) => list(arguments.json),
        Some(Action::Add(add_this)) => add(add_this, arguments.json),
        Some(Action::Remove { name }) => remove(name, arguments.json),
    }
}

fn list(json: bool) -> Result<(), Failure> {
    let file = current()?;
    let shown: Vec<_> = file
        .aliases()
        .iter()
        .map(|(name, entry)| Shown {
            name,
            url: entry.base.url(),
            user: entry.user.as_deref(),
            use_keyring: entry.use_keyring,
        })
        .collect();
    if json {
        return output::json(&shown);
    }
    let width = shown.iter().map(|alias| alias.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for alias in &shown {
        text += &format!("{:width$}  {}", alias.name, alias.url);
        if let Some(user) = alias.user {
            text += &format!("  user {}", output::printable(user));
        }
        text += match alias.use_keyring {
            true => "  keyring\n",
            false => "\n",
        };
    }
    output::write(text.as_bytes())
}

fn add(add: &Add, json: bool) -> Result<(), Failure> {
    let mut base = RemoteName::parse(&add.url)?;
    let mut remark = String::new();
    if !add.offline {
        // A file that cannot be understood is reported when it is edited.
        match hdfstream::base(&base, &Settings::at_start()) {
            Ok(found) => base = found,
            // It answers, which is what was to be found out.
            Err(Error::Unauthorized { .. }) => {
                remark = format!("; it wants a login: hdfstream login {}", add.name);
            }
            Err(error) => return Err(Failure::Unanswered(Box::new(error))),
        }
    }
    let entry = Entry {
        name: &add.name,
        url: &base.url(),
        user: add.user.as_deref(),
        use_keyring: add.keyring,
    };
    let mut text = SettingsText::read(settings_path()?)?;
    if let Some(there) = text.alias(&add.name)? {
        return Err(Failure::AliasExists {
            name: add.name.clone(),
            url: there,
        });
    }
    let path = text.add(&entry)?;
    let said = format!(
        "{} is {} now, in {}{remark}\n",
        add.name,
        base.url(),
        path.display()
    );
    report(json, "added", &entry, &said)
}

fn remove(name: &str, json: bool) -> Result<(), Failure> {
    let mut text = SettingsText::read(settings_path()?)?;
    let Some(url) = text.alias(name)? else {
        return Err(Failure::NoAlias(name.to_owned()));
    };
    let path = text.remove(name)?;
    let entry = Entry {
        name,
        url: &url,
        user: None,
        use_keyring: false,
    };
    let said = format!("{name} ({url}) is removed from {}\n", path.display());
    report(json, "removed", &entry, &said)
}

fn report(json: bool, done: &str, entry: &Entry<'_>, said: &str) -> Result<(), Failure> {
    match json {
        true => output::json(&serde_json::json!({
            "name": entry.name,
            "url": entry.url,
            "outcome": done,
        })),
        false => output::write(said.as_bytes()),
    }
}

fn settings_path() -> Result<std::path::PathBuf, Failure> {
    path().ok_or(Failure::NoSettingsFile)
}
