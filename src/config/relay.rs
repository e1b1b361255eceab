//! Which relay, and the token for it.

use std::path::PathBuf;

use super::given::{Given, Source};
use super::surroundings::Surroundings;
use super::user::{Login, UserFile};
use crate::args;
use crate::error::Error;
use crate::event::{Level, Notice};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// How the relay is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Which.
    pub relay: RelayChoice,
    /// A file with further root certificates (PEM) to trust it by.
    pub relay_ca: Option<PathBuf>,
    /// What the user should know about how it was chosen.
    pub notices: Vec<Notice>,
}

/// Which relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayChoice {
    /// One that the user named, now or at login.
    Configured(Relay),
    /// None was named: the one on this machine.
    Embedded,
}

/// A relay that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Where it is.
    pub url: RelayUrl,
    /// The token for it.
    pub token: Secret,
    /// Who named it.
    pub source: Source,
    /// Who gave the token.
    pub token_source: Source,
}

impl Connection {
    /// `--relay`, else `MUXHOOK_RELAY`, else the one of the last login, else the embedded one. The token: typed,
    /// else from the environment, else the one stored for just this relay.
    ///
    /// # Errors
    /// No such URL, or no token for it, or a token without a relay.
    pub fn resolve(args: &args::Relay, around: &Surroundings, user: &UserFile) -> Result<Self, Error> {
        let token = given_token(args, around)?;
        let Some((url, source)) = chosen(args, around, user)? else {
            return Self::embedded(args, around, token);
        };
        let login = user.login(&url);
        let relay_ca = relay_ca(args, around)?.or_else(|| login.and_then(|login| login.relay_ca.clone()));
        let (token, token_source) = match token {
            Some(token) => {
                let source = token.source.clone();
                (token.read(|text| Secret::token(&text))?, source)
            }
            None => stored(user, &url, login)?,
        };
        let notices = visible_token(&token_source).into_iter().collect();
        let relay = RelayChoice::Configured(Relay { url, token, source, token_source });
        Ok(Self { relay, relay_ca, notices })
    }

    fn embedded(
        args: &args::Relay,
        around: &Surroundings,
        token: Option<Given<String>>,
    ) -> Result<Self, Error> {
        match token {
            Some(token) => Err(token.source.error("a token, but no relay that it is for").with_hint(
                "name the relay with --relay or MUXHOOK_RELAY, or leave the token out to use the one on this machine",
            )),
            None => Ok(Self {
                relay: RelayChoice::Embedded,
                relay_ca: relay_ca(args, around)?,
                notices: Vec::new(),
            }),
        }
    }
}

/// A further root certificate: typed, else from the environment.
pub(super) fn relay_ca(args: &args::Relay, around: &Surroundings) -> Result<Option<PathBuf>, Error> {
    let typed = args.relay_ca.clone().map(PathBuf::from);
    Ok(typed.or(around.env.get("MUXHOOK_RELAY_CA")?.map(|given| PathBuf::from(given.value))))
}

fn chosen(
    args: &args::Relay,
    around: &Surroundings,
    user: &UserFile,
) -> Result<Option<(RelayUrl, Source)>, Error> {
    let typed = args.relay.clone().map(|url| Given::flag(url, "--relay"));
    if let Some(given) = typed.map_or_else(|| around.env.get("MUXHOOK_RELAY"), |given| Ok(Some(given)))? {
        let source = given.source.clone();
        let url = given.read(|url| user.relay_url(&url, args.plain))?;
        return Ok(Some((url, source)));
    }
    let source = || Source::file(user.path.as_deref().unwrap_or("".as_ref()), "relay");
    Ok(user.relay.clone().map(|url| (url, source())))
}

fn given_token(args: &args::Relay, around: &Surroundings) -> Result<Option<Given<String>>, Error> {
    match &args.token {
        Some(token) => Ok(Some(Given::flag(token.expose().to_owned(), "--token"))),
        None => around.env.get("MUXHOOK_TOKEN"),
    }
}

fn stored(user: &UserFile, url: &RelayUrl, login: Option<&Login>) -> Result<(Secret, Source), Error> {
    let login = login.ok_or_else(|| {
        Error::refused(format!("there is no token for {url}"))
            .with_hint(format!("muxhook login {url} (or set MUXHOOK_TOKEN)"))
    })?;
    let path = user.path.as_deref().unwrap_or("".as_ref());
    Ok((login.token.clone(), Source::file(path, format!("relays.{url}"))))
}

fn visible_token(source: &Source) -> Option<Notice> {
    (*source == Source::Flag("--token")).then(|| Notice {
        level: Level::Warning,
        code: "token_on_command_line".to_owned(),
        message:
            "a token on the command line can be seen by every user of this machine: set MUXHOOK_TOKEN, or \
                  store it once with `muxhook login`"
                .to_owned(),
    })
}
