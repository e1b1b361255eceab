//! What an app's failing answer tells of its cause, and what to do about it: the mistakes that handlers of webhooks
//! are known for, each recognised by its status, its words, or the marks of its framework. Pure.

mod framework;

use muxhook_protocol::Reply;
use muxhook_protocol::mux::signature::Verdict;

use framework::Framework;

/// How much of an answer is looked at, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// Longest part of a `Location` that is repeated, in characters.
const LONGEST_LOCATION: usize = 200;

/// What is known of an exchange with the app.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The URL at the app that the event went to, where it is known.
    pub target: Option<&'a str>,
    /// The app's answer.
    pub reply: &'a Reply,
    /// Whether the event had a signature at all.
    pub signed: bool,
    /// What that was worth by the secrets at hand; `None`: there were none.
    pub verdict: Option<Verdict>,
    /// Whether the sender had given up by then.
    pub late: bool,
}

/// The answer, made ready to be looked at.
struct Look<'a> {
    exchange: Exchange<'a>,
    /// The beginning of its body, in lower case.
    words: String,
    framework: Option<Framework>,
}

const LATE: &str = "the sender had given up by then and will send it again: answer first, do the work after";

/// One sentence, or a few, on why the app did not take the event and how to mend that; `None` for a 2xx in time, and
/// where nothing is known. May repeat words of the app's: who prints it, escapes it.
#[must_use]
pub fn cure(exchange: Exchange<'_>) -> Option<String> {
    let late = || exchange.late.then(|| LATE.to_owned());
    if (200..300).contains(&exchange.reply.status) {
        return late();
    }
    let body = &exchange.reply.body;
    let words = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]).to_ascii_lowercase();
    let framework = Framework::of(exchange.reply, &words);
    let look = Look { exchange, words, framework };
    look.of_signature().or_else(|| look.of_gate()).or_else(|| look.of_status()).or_else(late)
}

impl Look<'_> {
    fn says(&self, words: &str) -> bool {
        self.words.contains(words)
    }

    /// What Mux's SDKs say when a signature does not hold, and what follows a body that was parsed too early.
    fn of_signature(&self) -> Option<String> {
        if self.says("could not find a mux-signature header") {
            return Some(self.no_header());
        }
        if self.says("unable to extract timestamp and signatures from header")
            || self.says("no v1 signatures found")
        {
            return Some(
                "the app could not read the mux-signature header: hand the SDK the request's headers as they came, \
                 or that header's value alone"
                    .to_owned(),
            );
        }
        if self.says("webhook timestamp is too old") {
            return Some(
                "the signature is above 300 s old by the app's clock: the event is an old one, it waited at a \
                 breakpoint, or the app's clock is ahead"
                    .to_owned(),
            );
        }
        let mismatch = self.says("no signatures found matching the expected signature");
        if mismatch || (self.exchange.reply.status < 500 && self.says("signature")) {
            return Some(self.mismatch());
        }
        let parsed_twice = self.says("[object object]") || self.says("payload must be a string or buffer");
        parsed_twice
            .then(|| format!("the app's handler got a body that was parsed already; {}", self.raw_body()))
    }

    fn no_header(&self) -> String {
        if self.exchange.signed {
            "the event has a mux-signature header, but the handler did not hand it on: give the SDK the request's own \
             headers (in Next.js: `await headers()`, or `request.headers`)"
        } else {
            "the event came without a mux-signature header: Mux always sends one, and `muxhook trigger` does when it \
             has a secret (MUX_WEBHOOK_SECRET)"
        }
        .to_owned()
    }

    /// The app's check failed: by its secret, or by its body.
    fn mismatch(&self) -> String {
        match self.exchange.verdict {
            Some(Verdict::Valid { .. } | Verdict::Stale { .. }) => format!(
                "the signature is right by the secret that muxhook knows, so either the app has another one, or it \
                 changes the body before it checks; {}",
                self.raw_body()
            ),
            Some(Verdict::Invalid(_)) => {
                "the signature is wrong by the secret that muxhook knows, too: is it that \
                                          of this very webhook (Mux shows one for each address)?"
                    .to_owned()
            }
            Some(Verdict::Missing) => self.no_header(),
            None => format!(
                "either the app has the secret of another webhook (each has its own: MUX_WEBHOOK_SECRET), or it \
                 changes the body before it checks; {}",
                self.raw_body()
            ),
        }
    }

    fn raw_body(&self) -> String {
        let how = self.framework.map_or(framework::ANY_RAW_BODY, Framework::raw_body);
        format!("check the raw bytes: {how}")
    }

    /// What stands before the handler and lets nobody through: CSRF protection, host checks, a login.
    fn of_gate(&self) -> Option<String> {
        let status = self.exchange.reply.status;
        if status == 419 || ((400..500).contains(&status) && self.says("csrf")) {
            let how = self.framework.map_or(framework::ANY_CSRF, Framework::csrf);
            return Some(format!("take the webhook's route out of the app's CSRF protection: {how}"));
        }
        let host =
            ["blocked host", "invalid host", "disallowedhost", "host not allowed", "host is not allowed"];
        if host.iter().any(|words| self.says(words)) {
            return Some(
                "the app refuses the Host of the request: allow it (Rails: config.hosts; Django: ALLOWED_HOSTS; Vite: \
                 server.allowedHosts), or send one that it knows with -H 'Host: …'"
                    .to_owned(),
            );
        }
        let login = ["login", "log-in", "signin", "sign-in", "sign_in", "/auth"];
        let leads_to_login =
            self.location().is_some_and(|to| login.iter().any(|word| to.to_ascii_lowercase().contains(word)));
        ((300..400).contains(&status) && leads_to_login || matches!(status, 401 | 403)).then(|| {
            "something before the handler wants a login: let the webhook's path through (in Next.js: the matcher of \
             middleware.ts or proxy.ts; with Clerk or Auth.js: a public route)"
                .to_owned()
        })
    }

    fn of_status(&self) -> Option<String> {
        let text = match self.exchange.reply.status {
            300..400 => return self.redirect(),
            400 if self.wants_https() => return Some(self.secure()),
            404 => return Some(self.no_route()),
            405 => match self.framework {
                Some(Framework::Next) => {
                    "the route takes no POST: its route.ts must export an async function named POST"
                }
                _ => {
                    "the app's route takes no POST: is the path of --forward-to right, and the handler for POST?"
                }
            },
            413 => {
                "the app limits the size of a body: raise that limit (Express: the `limit` of express.raw; nginx: \
                 client_max_body_size)"
            }
            415 => "the app takes no application/json on this route: is the path of --forward-to right?",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn no_route(&self) -> String {
        let path = self.exchange.target.map(|target| target.splitn(4, '/').nth(3).unwrap_or_default());
        match (path, self.framework) {
            (Some(""), _) => "the app has no route at /: name its webhook's path, as in --forward-to \
                        localhost:3000/api/webhooks/mux"
                .to_owned(),
            (Some(path), Some(Framework::Next)) => format!(
                "the app has no such route: is there an app/{}/route.ts (or pages/{0}.ts)?",
                path.split('?').next().unwrap_or_default().trim_end_matches('/')
            ),
            _ => "the app has no such route: is the path of --forward-to right, and the port that of the right app?"
                .to_owned(),
        }
    }

    /// A redirect is an answer, and Mux follows none.
    fn redirect(&self) -> Option<String> {
        let to = self.location()?;
        let slash = self.exchange.target.is_some_and(|target| {
            let (here, there) = (path(target), path(&to));
            here != there && here.trim_end_matches('/') == there.trim_end_matches('/')
        });
        let why = if slash { "it is about the slash at the end: " } else { "" };
        Some(format!(
            "a redirect is the app's answer and is not followed; {why}point --forward-to at where it leads: {to}"
        ))
    }

    fn location(&self) -> Option<String> {
        let location = self.exchange.reply.headers.get("location")?;
        Some(String::from_utf8_lossy(location).chars().take(LONGEST_LOCATION).collect())
    }

    /// What Go and nginx say in plain HTTP at a port for HTTPS.
    fn wants_https(&self) -> bool {
        self.says("https server") || self.says("https port")
    }

    fn secure(&self) -> String {
        let target = self.exchange.target.map(|target| target.replacen("http:", "https:", 1));
        let to = target.as_deref().unwrap_or("https://…");
        format!("the app speaks https: forward to {to}")
    }
}

/// The path of a URL, or of a reference to one on the same host.
fn path(url: &str) -> &str {
    let behind =
        url.split_once("://").map_or(url, |(_, behind)| &behind[behind.find('/').unwrap_or(behind.len())..]);
    behind.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
