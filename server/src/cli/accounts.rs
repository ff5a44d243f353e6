//! `hdfstream-server user` and `hdfstream-server token`: changes to the users file.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use hdfstream::credentials::prompt::unseen;

use crate::accounts::admin;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Longest line that is read as a password.
const LONGEST_LINE: u64 = 4 << 10;

/// The users file.
#[derive(Debug, Clone, Args)]
pub struct UsersFile {
    /// The file with accounts, as in the server's configuration
    #[arg(long = "users", value_name = "FILE")]
    path: PathBuf,
}

/// Changes to accounts.
#[derive(Debug, Clone, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum UserCommand {
    /// Makes an account, and the file if it is not there
    ///
    /// The password is asked for on a terminal; otherwise it is the first line of the input.
    Add {
        /// The user's name
        name: String,
        /// A role of the user; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// The file.
        #[command(flatten)]
        file: UsersFile,
    },
    /// Removes an account; its tokens end
    Remove {
        /// The user's name
        name: String,
        /// The file.
        #[command(flatten)]
        file: UsersFile,
    },
    /// Sets another password, asked for as by `add`; the user's tokens end
    Password {
        /// The user's name
        name: String,
        /// The file.
        #[command(flatten)]
        file: UsersFile,
    },
    /// Lists accounts: a line each, the name and the roles
    List {
        /// The file.
        #[command(flatten)]
        file: UsersFile,
    },
}

/// A token, or the end of all of a user's.
#[derive(Debug, Clone, Args)]
pub struct TokenArguments {
    /// The user's name
    #[arg(required_unless_present = "revoke")]
    name: Option<String>,
    /// Life of the token
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u32,
    /// End all tokens of this user instead
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "days"])]
    revoke: Option<String>,
    /// The file.
    #[command(flatten)]
    file: UsersFile,
}

impl UserCommand {
    /// Does it, and says so on stdout.
    ///
    /// # Errors
    /// When the users file cannot be read or changed, or a name or password is refused.
    pub fn run(self) -> Outcome {
        match self {
            Self::Add { name, roles, file } => {
                admin::check_new(&file.path, &name, &roles)?;
                admin::add(&file.path, &name, &roles, &password(&name)?)?;
                say(&format!("{name} has an account in {}", file.path.display()))
            }
            Self::Remove { name, file } => {
                admin::remove(&file.path, &name)?;
                say(&format!("{name} has no account any more"))
            }
            Self::Password { name, file } => {
                admin::check_known(&file.path, &name)?;
                admin::set_password(&file.path, &name, &password(&name)?)?;
                say(&format!(
                    "{name} has a new password; earlier tokens do not hold any more"
                ))
            }
            Self::List { file } => admin::list(&file.path)?
                .into_iter()
                .try_for_each(|(name, roles)| {
                    let words: Vec<_> = std::iter::once(name).chain(roles).collect();
                    say(&words.join(" "))
                }),
        }
    }
}

impl TokenArguments {
    /// Does it, and prints the token, or what was done, on stdout.
    ///
    /// # Errors
    /// When the users file cannot be read or changed, or the user has no account.
    pub fn run(self) -> Outcome {
        if let Some(name) = self.revoke {
            admin::revoke(&self.file.path, &name)?;
            return say(&format!("earlier tokens of {name} do not hold any more"));
        }
        let name = self.name.unwrap_or_default();
        say(&admin::token(&self.file.path, &name, self.days)?)
    }
}

/// Asks twice on a terminal; otherwise takes the first line of the input.
fn password(name: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    if io::stdin().is_terminal() {
        let password = unseen(&format!("Password for {name}: "))?;
        if unseen("Once more: ")? != password {
            return Err("the two passwords differ; nothing was changed".into());
        }
        return Ok(password);
    }
    let mut line = String::new();
    io::stdin().lock().take(LONGEST_LINE).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn say(text: &str) -> Outcome {
    Ok(writeln!(io::stdout(), "{text}")?)
}
