//! `hdfstream login` and `logout`: the one place where a password is asked for.

mod prompt;

use clap::Args;
use hdfstream::credentials::stored::{self, Place};
use hdfstream::credentials::{self, Credentials};
use hdfstream::settings::GivenLogin;
use hdfstream::{Error, RemoteName, Secret, Settings};
use jiff::Timestamp;
use serde_json::json;

use super::{Failure, names, output};

/// Log in to a server, for this and all other programs from now on. The password is asked for, checked with the server,
/// and changed for a token, which is kept. With `use_keyring` in the settings file the password is kept in
/// the system's keyring instead.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Who to log in as; else the user of the alias, or you are asked.
    #[arg(long)]
    user: Option<String>,
    /// Read the password (or token) from standard input, one line.
    #[arg(long)]
    password_stdin: bool,
    /// Ask for a token, which the server's people have given you, instead of a password.
    #[arg(long, conflicts_with = "user")]
    token: bool,
    /// For how many days; the server may shorten it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// An alias, or the URL of the server.
    name: String,
}

/// Forget a login, wherever `login` has kept it.
#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// Whose login; else that of the user of the alias.
    #[arg(long)]
    user: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// An alias, or the URL of the server.
    name: String,
}

/// What was kept, and where.
struct Done {
    user: Option<String>,
    token: bool,
    expires: Option<i64>,
    place: Place,
}

pub(crate) fn login(arguments: &Login) -> Result<(), Failure> {
    let (name, settings) = names::remote(&arguments.name)?;
    let entry = settings.server(&name);
    let base = match entry {
        Some(entry) => entry.base.clone(),
        None => base(&name, &settings)?,
    };
    let keyring = entry.is_some_and(|entry| entry.use_keyring);
    let known = entry.and_then(|entry| entry.user.clone());
    let done = if arguments.token {
        let token = prompt::secret(&format!("token for {base}: "), arguments.password_stdin)?;
        keep_token(&base, token, &settings)?
    } else {
        let user = arguments.user.clone().or(known.clone());
        let user = user.map_or_else(|| prompt::line(&format!("user for {base}: ")), Ok)?;
        let question = format!("password of {user} for {base}: ");
        let password = prompt::secret(&question, arguments.password_stdin)?;
        keep_login(&base, user, password, keyring, arguments.days, &settings)?
    };
    if arguments.json {
        output::json(&describe(&base, &done))?;
    } else {
        output::write(sentence(&base, &done).as_bytes())?;
    }
    remarks(&done, keyring && known.is_none(), &settings);
    Ok(())
}

/// Base URL of the server of a URL that the settings file says nothing of.
fn base(name: &RemoteName, settings: &Settings) -> Result<RemoteName, Failure> {
    let without_login = Settings {
        login: GivenLogin::default(),
        ..settings.clone()
    };
    match hdfstream::base(name, &without_login) {
        Ok(base) => Ok(base),
        // A server that tells strangers nothing: then the URL must be that of its base.
        Err(Error::Unauthorized { .. }) => Ok(name.clone()),
        Err(error) => Err(error.into()),
    }
}

/// Checks a login with the server and keeps it.
fn keep_login(
    base: &RemoteName,
    user: String,
    password: Secret,
    keyring: bool,
    days: Option<u32>,
    settings: &Settings,
) -> Result<Done, Failure> {
    let login = Credentials::Basic {
        user: user.clone(),
        password: password.clone(),
    };
    check(base, &login, settings)?;
    let token = match keyring {
        true => None,
        false => credentials::request_token(base, &login, days, settings)?,
    };
    let done = match token {
        Some(token) => Done {
            user: Some(token.user.clone()),
            token: true,
            expires: Some(token.expires),
            place: stored::save_token(base, &token)?,
        },
        None => Done {
            place: stored::save(base, &user, &password, settings)?,
            user: Some(user),
            token: false,
            expires: None,
        },
    };
    Ok(done)
}

/// Checks a token with the server and keeps it.
fn keep_token(base: &RemoteName, token: Secret, settings: &Settings) -> Result<Done, Failure> {
    let user = check(base, &Credentials::Bearer(token.clone()), settings)?;
    let place = stored::keep_token(base, Some(&user), &token, None)?;
    Ok(Done {
        user: Some(user),
        token: true,
        expires: None,
        place,
    })
}

/// Whom the server takes the user for.
fn check(base: &RemoteName, login: &Credentials, settings: &Settings) -> Result<String, Failure> {
    let user = credentials::verify(base, login, settings)?;
    user.ok_or_else(|| Failure::NoAccounts(base.url()))
}

fn describe(base: &RemoteName, done: &Done) -> serde_json::Value {
    json!({
        "url": base.url(),
        "user": done.user,
        "kept": if done.token { "token" } else { "password" },
        "place": place(&done.place),
        "expires": done.expires.and_then(time).map(|time| time.to_string()),
    })
}

fn sentence(base: &RemoteName, done: &Done) -> String {
    let user = done.user.as_deref().unwrap_or("somebody");
    let place = place(&done.place);
    let kept = match (&done.place, done.token) {
        (_, true) => format!("a token is kept in {place}"),
        (Place::Keyring, false) => format!("the password is kept in {place}"),
        (Place::File(_), false) => {
            format!(
                "the server gives no tokens, so the password itself is kept in {place}, which only you can read"
            )
        }
    };
    let until = match done.expires.and_then(time) {
        Some(time) => format!(" until {}", time.strftime("%Y-%m-%d %H:%M UTC")),
        None => String::new(),
    };
    format!(
        "logged in to {base} as {}; {kept}{until}\n",
        output::printable(user)
    )
}

/// What may keep the login from being used.
fn remarks(done: &Done, without_user: bool, settings: &Settings) {
    if let (true, Some(user)) = (without_user, &done.user) {
        eprintln!(
            "hdfstream: add 'user: {}' to what the settings file says of this server: the keyring is asked for the \
             password of a user",
            output::printable(user)
        );
    }
    if settings.login.token.is_some() || settings.login.password.is_some() {
        eprintln!(
            "hdfstream: HDFSTREAM_TOKEN or HDFSTREAM_PASSWORD is set in the environment and is used before this login"
        );
    }
}

pub(crate) fn logout(arguments: &Logout) -> Result<(), Failure> {
    let (name, settings) = names::remote(&arguments.name)?;
    let base = match settings.server(&name) {
        Some(entry) => entry.base.clone(),
        None => kept_base(&name)?,
    };
    let places = stored::remove(&base, arguments.user.as_deref(), &settings)?;
    if places.is_empty() {
        return Err(Failure::NotLoggedIn(base.url()));
    }
    let places: Vec<_> = places.iter().map(place).collect();
    match arguments.json {
        true => output::json(&json!({ "url": base.url(), "removed_from": places })),
        false => output::write(
            format!("the login for {base} is removed from {}\n", places.join(" and ")).as_bytes(),
        ),
    }
}

/// The server of `name` as the login was kept for it.
fn kept_base(name: &RemoteName) -> Result<RemoteName, Failure> {
    let kept = stored::list()?.into_iter().map(|kept| kept.base);
    let found = kept
        .filter(|base| base.server() == name.server() && name.components().starts_with(base.components()))
        .max_by_key(|base| base.components().len());
    Ok(found.unwrap_or_else(|| name.clone()))
}

fn place(place: &Place) -> String {
    match place {
        Place::Keyring => "the system's keyring".to_owned(),
        Place::File(path) => path.display().to_string(),
    }
}

/// Seconds since 1970 as a time.
fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}
