//! Passwords in the system's keyring, for servers whose entry in the settings file says `use_keyring: true`.
//!
//! Each question has a thread, a runtime and a connection of its own, so that it works in any host program and
//! after a fork. What was found is remembered, lest every open of a file asks again.

mod secret_service;

use std::sync::{Arc, LazyLock, mpsc};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::LocalBoxFuture;

use crate::Secret;
use secret_service::{Keyring, Trouble};

/// Longest wait for a user whom the desktop asks for the password of the keyring.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long it is believed that the keyring has nothing to say.
const BELIEVED: Duration = Duration::from_secs(60);

type Answer = Result<Option<Secret>, String>;

/// A question that was asked, with the answer.
#[derive(Clone)]
struct Asked {
    services: Vec<String>,
    user: String,
    at: Instant,
    answer: Answer,
}

/// No lock: another thread might hold it while this process forks.
static ASKED: LazyLock<ArcSwap<Vec<Asked>>> = LazyLock::new(ArcSwap::default);

/// The password of `user` for the first of `services` that has one. The error says why the keyring cannot tell.
pub(super) fn find(services: &[String], user: &str) -> Result<Option<Secret>, String> {
    let known = ASKED.load();
    let mut known = known.iter().rev();
    if let Some(asked) = known.find(|asked| asked.services == services && asked.user == user)
        && (matches!(asked.answer, Ok(Some(_))) || asked.at.elapsed() < BELIEVED)
    {
        return asked.answer.clone();
    }
    let answer = look(services.to_vec(), user.to_owned());
    let asked = Asked {
        services: services.to_vec(),
        user: user.to_owned(),
        at: Instant::now(),
        answer: answer.clone(),
    };
    ASKED.rcu(|before| {
        let others = before
            .iter()
            .filter(|known| known.services != asked.services || known.user != asked.user);
        others.cloned().chain([asked.clone()]).collect::<Vec<_>>()
    });
    answer
}

/// Asks again next time: what was remembered is not right any more.
pub(crate) fn forget() {
    ASKED.store(Arc::default());
}

fn look(services: Vec<String>, user: String) -> Answer {
    ask(move || {
        Box::pin(async move {
            let keyring = Keyring::open().await?;
            for service in &services {
                if let Some(password) = keyring.password(service, &user).await? {
                    let text = String::from_utf8(password).map_err(|_| {
                        Trouble::Other(format!("the password of {user} for {service} is not text"))
                    })?;
                    return Ok(Some(Secret::new(text)));
                }
            }
            Ok(None)
        })
    })
    .map_err(|reason| format!("the keyring was not asked for a password: {reason}"))
}

/// Keeps a password.
pub(super) fn store(service: &str, user: &str, password: &Secret) -> Result<(), String> {
    forget();
    let (service, user, password) = (service.to_owned(), user.to_owned(), password.clone());
    ask(move || {
        Box::pin(async move {
            let keyring = Keyring::open().await?;
            keyring.store(&service, &user, password.reveal()).await
        })
    })
}

/// Forgets the passwords of `user` for `services`; tells whether there were any.
pub(super) fn remove(services: &[String], user: &str) -> Result<bool, String> {
    forget();
    let (services, user) = (services.to_vec(), user.to_owned());
    ask(move || {
        Box::pin(async move {
            let keyring = Keyring::open().await?;
            let mut found = false;
            for service in &services {
                found |= keyring.remove(service, &user).await?;
            }
            Ok(found)
        })
    })
}

/// Runs a conversation on a thread of its own, in bounded time.
fn ask<T: Send + 'static>(
    conversation: impl FnOnce() -> LocalBoxFuture<'static, Result<T, Trouble>> + Send + 'static,
) -> Result<T, String> {
    let (sender, receiver) = mpsc::channel();
    let talk = move || -> Result<T, Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Trouble::Other(error.to_string()))?;
        runtime.block_on(async {
            tokio::time::timeout(LONGEST_WAIT, conversation())
                .await
                .unwrap_or(Err(Trouble::Locked))
        })
    };
    let thread = std::thread::Builder::new().name("hdfstream".to_owned());
    let spawned = thread.spawn(move || {
        // Nobody waits any more when it took too long.
        let _ = sender.send(talk());
    });
    let late = LONGEST_WAIT + Duration::from_secs(5);
    match spawned {
        Err(error) => Err(error.to_string()),
        Ok(_) => match receiver.recv_timeout(late) {
            Ok(answer) => answer.map_err(words),
            Err(_) => Err("it does not answer".to_owned()),
        },
    }
}

fn words(trouble: Trouble) -> String {
    match trouble {
        Trouble::NoBus => {
            "there is no session bus here that leads to one, as on most machines without a desktop; \
                           set use_keyring to false and run 'hdfstream login', or set HDFSTREAM_PASSWORD"
                .to_owned()
        }
        Trouble::NoService => {
            "nothing on this desktop keeps passwords (no Secret Service); install gnome-keyring or \
                               KeePassXC, or set use_keyring to false and run 'hdfstream login'"
                .to_owned()
        }
        Trouble::Locked => {
            "it is locked, and was not unlocked when it asked; unlock it and try again".to_owned()
        }
        Trouble::Other(reason) => reason,
    }
}
