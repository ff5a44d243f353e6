//! The desktop's keyring over D-Bus, by the Secret Service interface of freedesktop.org.
//!
//! Spoken here in the few calls that it takes, with the attributes that Python's `keyring` uses, so that either
//! finds what the other stored. Secrets travel as they are: the bus of a session is a socket of its user alone.
//! (Crates for keyrings encrypt that way with some hundred thousand lines of arithmetic, and keep a runtime for
//! the whole process, which a fork would break.)

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use zbus::message::{Message, Type};
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath, Variant};

use super::LONGEST_WAIT;

const NAME: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
/// "No object", as paths are never absent.
const NOWHERE: &str = "/";
/// Longest wait for an answer that needs no user.
const CALL: Duration = Duration::from_secs(10);
/// What Python's library calls itself in what it stores; the same item is replaced by whoever stores next.
const APPLICATION: &str = "Python keyring library";

type Secret<'a> = (OwnedObjectPath, &'a [u8], &'a [u8], &'a str);
type Attributes<'a> = HashMap<&'a str, &'a str>;

/// Why the keyring could not be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no bus.
    NoBus,
    /// Nobody on the bus keeps secrets.
    NoService,
    /// It is locked, and the user did not open it.
    Locked,
    /// Anything else, in its own words.
    Other(String),
}

impl From<zbus::Error> for Trouble {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::FDO(error)
                if matches!(
                    *error,
                    zbus::fdo::Error::ServiceUnknown(_)
                        | zbus::fdo::Error::NameHasNoOwner(_)
                        | zbus::fdo::Error::SpawnServiceNotFound(_)
                ) =>
            {
                Self::NoService
            }
            zbus::Error::MethodError(name, _, _)
                if name.as_str() == "org.freedesktop.Secret.Error.IsLocked" =>
            {
                Self::Locked
            }
            error => Self::Other(error.to_string()),
        }
    }
}

/// A conversation with the keyring.
pub(super) struct Keyring {
    bus: Connection,
    session: OwnedObjectPath,
}

impl Keyring {
    pub(super) async fn open() -> Result<Self, Trouble> {
        let bus = zbus::connection::Builder::session().method_timeout(CALL);
        let bus = bus.build().await.map_err(|_| Trouble::NoBus)?;
        let opened = call(
            &bus,
            ROOT,
            "Service",
            "OpenSession",
            &("plain", Variant::from("")),
        )
        .await?;
        let (_, session): (Variant<'_>, OwnedObjectPath) = opened.body().deserialize()?;
        Ok(Self { bus, session })
    }

    /// The password that is kept for `user` of `service`.
    pub(super) async fn password(&self, service: &str, user: &str) -> Result<Option<Vec<u8>>, Trouble> {
        for attributes in schemes(service, user) {
            let (open, locked) = self.search(&attributes).await?;
            let item = match (open.first(), locked.first()) {
                (Some(item), _) => item,
                (None, Some(item)) => {
                    self.unlock(item).await?;
                    item
                }
                (None, None) => continue,
            };
            let got = self.call(item, "Item", "GetSecret", &(&self.session,)).await?;
            let body = got.body();
            let ((_, _, secret, _),): (Secret<'_>,) = body.deserialize()?;
            return Ok(Some(secret.to_vec()));
        }
        Ok(None)
    }

    /// Keeps a password in the keyring that the user has for such things, in the place of what was there.
    pub(super) async fn store(&self, service: &str, user: &str, password: &str) -> Result<(), Trouble> {
        let default = self.call(ROOT, "Service", "ReadAlias", &("default",)).await?;
        let collection: OwnedObjectPath = default.body().deserialize()?;
        if collection.as_str() == NOWHERE {
            return Err(Trouble::Other(
                "there is no default keyring; make one with your desktop's password program".to_owned(),
            ));
        }
        self.unlock(&collection).await?;
        let attributes = Attributes::from([
            ("service", service),
            ("username", user),
            ("application", APPLICATION),
        ]);
        let label = format!("Password for '{user}' on '{service}'");
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(label)),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Variant::from(attributes),
            ),
        ]);
        let secret: Secret<'_> = (self.session.clone(), b"", password.as_bytes(), "text/plain");
        let created = self
            .call(
                &collection,
                "Collection",
                "CreateItem",
                &(properties, secret, true),
            )
            .await?;
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = created.body().deserialize()?;
        self.ask(&prompt).await
    }

    /// Forgets what is kept for `user` of `service`; tells whether there was anything.
    pub(super) async fn remove(&self, service: &str, user: &str) -> Result<bool, Trouble> {
        let mut found = false;
        for attributes in schemes(service, user) {
            let (open, locked) = self.search(&attributes).await?;
            for item in open.iter().chain(&locked) {
                let deleted = self.call(item, "Item", "Delete", &()).await?;
                let prompt: OwnedObjectPath = deleted.body().deserialize()?;
                self.ask(&prompt).await?;
                found = true;
            }
        }
        Ok(found)
    }

    /// Items with these attributes: open ones, and locked ones.
    async fn search(
        &self,
        attributes: &Attributes<'_>,
    ) -> Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>), Trouble> {
        let found = self.call(ROOT, "Service", "SearchItems", &(attributes,)).await?;
        Ok(found.body().deserialize()?)
    }

    /// Opens an item or a collection; the desktop asks the user if need be.
    async fn unlock(&self, object: &OwnedObjectPath) -> Result<(), Trouble> {
        let unlocked = self.call(ROOT, "Service", "Unlock", &(vec![object],)).await?;
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = unlocked.body().deserialize()?;
        self.ask(&prompt).await
    }

    /// Waits until the user has answered a question of the desktop's, if there is one.
    async fn ask(&self, prompt: &OwnedObjectPath) -> Result<(), Trouble> {
        if prompt.as_str() == NOWHERE {
            return Ok(());
        }
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .path(prompt.as_str())
            .interface("org.freedesktop.Secret.Prompt")
            .member("Completed")
            .build()?;
        let mut answers = MessageStream::for_match_rule(rule, &self.bus, None).await?;
        log::info!(
            "the keyring asks its user; waiting at most {} s",
            LONGEST_WAIT.as_secs()
        );
        self.call(prompt, "Prompt", "Prompt", &("",)).await?;
        let answer = answers.next().await.ok_or(Trouble::Locked)??;
        let body = answer.body();
        let (dismissed, _): (bool, Variant<'_>) = body.deserialize()?;
        match dismissed {
            true => Err(Trouble::Locked),
            false => Ok(()),
        }
    }

    fn call<'a, B: serde::Serialize + zbus::DynamicType>(
        &'a self,
        path: &'a str,
        interface: &'a str,
        method: &'static str,
        body: &'a B,
    ) -> impl Future<Output = Result<Message, Trouble>> + 'a {
        call(&self.bus, path, interface, method, body)
    }
}

async fn call<B: serde::Serialize + zbus::DynamicType>(
    bus: &Connection,
    path: &str,
    interface: &str,
    method: &'static str,
    body: &B,
) -> Result<Message, Trouble> {
    let interface = format!("org.freedesktop.Secret.{interface}");
    Ok(bus
        .call_method(Some(NAME), path, Some(interface), method, body)
        .await?)
}

/// What the password of `user` for `service` is filed under: as Python's library does, then as KeePassXC does.
fn schemes<'a>(service: &'a str, user: &'a str) -> [Attributes<'a>; 2] {
    [
        Attributes::from([("service", service), ("username", user)]),
        Attributes::from([("Title", service), ("UserName", user)]),
    ]
}
