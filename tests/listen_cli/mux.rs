//! A stand-in of Mux's API, as far as it manages webhooks, with an environment of its own.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::http::{App, Message};
use crate::running::LIMIT;

/// The access token that it takes.
pub(crate) const TOKEN_ID: &str = "t0ken-id";
pub(crate) const TOKEN_SECRET: &str = "t0ken-s3cret";

/// In place of a status line: no answer, for as long as any test waits.
pub(crate) const SILENCE: &str = "";

/// An answer: status line and body.
type Answer = (&'static str, String);

/// It, listening.
pub(crate) struct Mux {
    app: App,
    token_secret: String,
    environment: Arc<Mutex<Environment>>,
}

#[derive(Default)]
struct Environment {
    id: String,
    /// What a request must say to be let in.
    authorization: String,
    webhooks: Vec<Value>,
    made: usize,
    /// What every request of this method gets instead.
    instead: Option<(&'static str, Answer)>,
}

impl Mux {
    pub(crate) fn new() -> Self {
        Self::taking(TOKEN_SECRET)
    }

    /// The same, with another access token.
    pub(crate) fn taking(token_secret: &str) -> Self {
        let basic = data_encoding::BASE64.encode(format!("{TOKEN_ID}:{token_secret}").as_bytes());
        let (id, authorization) = ("env1".to_owned(), format!("Basic {basic}"));
        let environment = Arc::new(Mutex::new(Environment { id, authorization, ..Environment::default() }));
        let own = Arc::clone(&environment);
        let app = App::new(move |request| {
            let answer = own.lock().unwrap().answer(request);
            if answer.0 == SILENCE {
                std::thread::park_timeout(LIMIT);
            }
            answer
        });
        Self { app, token_secret: token_secret.to_owned(), environment }
    }

    /// `MUX_BASE_URL`
    pub(crate) fn url(&self) -> String {
        self.app.url()
    }

    /// The environment variables that lead to it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("MUX_BASE_URL", self.url()),
            ("MUX_TOKEN_ID", TOKEN_ID.to_owned()),
            ("MUX_TOKEN_SECRET", self.token_secret.clone()),
        ]
    }

    /// The webhooks that it has: id, address, enabled.
    pub(crate) fn webhooks(&self) -> Vec<(String, String, bool)> {
        let text = |webhook: &Value, name: &str| webhook[name].as_str().unwrap().to_owned();
        let webhooks = &self.environment.lock().unwrap().webhooks;
        webhooks
            .iter()
            .map(|webhook| (text(webhook, "id"), text(webhook, "address"), webhook["enabled"] == true))
            .collect()
    }

    /// Makes a webhook without muxhook.
    pub(crate) fn make(&self, address: &str) {
        self.environment.lock().unwrap().create(address);
    }

    /// The secret that a webhook was given.
    pub(crate) fn secret(id: &str) -> String {
        format!("signing-s3cret-of-{id}")
    }

    /// Becomes another environment, which has no webhooks.
    pub(crate) fn switch_environment(&self, id: &str) {
        let mut environment = self.environment.lock().unwrap();
        let authorization = std::mem::take(&mut environment.authorization);
        *environment = Environment { id: id.to_owned(), authorization, made: 10, ..Environment::default() };
    }

    /// Gives every request of this method this answer from now on.
    pub(crate) fn answers(&self, method: &'static str, status: &'static str, body: &str) {
        self.environment.lock().unwrap().instead = Some((method, (status, body.to_owned())));
    }

    /// Waits until it was asked so often, whatever for.
    #[track_caller]
    pub(crate) fn wait_for(&self, requests: usize) {
        self.app.wait_for(requests);
    }

    /// How often it was asked.
    pub(crate) fn requests(&self) -> usize {
        self.app.seen().len()
    }

    /// What it was asked so far, a method each, but for what only looks.
    pub(crate) fn changes(&self) -> Vec<String> {
        let method = |request: Message| request.first.split(' ').next().unwrap().to_owned();
        self.app.seen().into_iter().map(method).filter(|method| method != "GET").collect()
    }
}

impl Environment {
    fn answer(&mut self, request: &Message) -> Answer {
        let mut words = request.first.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        if let Some((instead, answer)) = &self.instead
            && *instead == method
        {
            return answer.clone();
        }
        if request.header("authorization") != Some(&self.authorization) {
            return problem("401 Unauthorized", "Unauthorized request");
        }
        let body = || serde_json::from_slice::<Value>(&request.body).unwrap();
        match (method, path.split_once('?').map_or(path, |(path, _)| path)) {
            ("GET", "/system/v1/whoami") => data(
                "200 OK",
                &json!({
                    "environment_id": self.id, "environment_name": "Dev\u{1b}[2J", "environment_type": "development",
                    "organization_id": "org1", "organization_name": "Acme", "access_token_name": "muxhook",
                    "permissions": ["system:read", "system:write"],
                }),
            ),
            ("GET", "/system/v1/webhooks") => data("200 OK", &self.page(path).into()),
            ("POST", "/system/v1/webhooks") => {
                let body = body();
                let address = body["address"].as_str().unwrap();
                if self.webhooks.iter().any(|webhook| webhook["address"] == address) {
                    return problem("400 Bad Request", "address has already been taken");
                }
                data("201 Created", &self.create(address))
            }
            (method, path) => self.of_one(method, path.strip_prefix("/system/v1/webhooks/").unwrap(), body),
        }
    }

    fn page(&self, path: &str) -> Vec<Value> {
        let (_, query) = path.split_once('?').unwrap_or_default();
        let number = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<usize>().ok()).unwrap()
        };
        // Fewer than asked for, so that a second page is not rare.
        let (limit, page) = (number("limit=").min(2), number("page="));
        self.webhooks.iter().skip(limit * (page - 1)).take(limit).cloned().collect()
    }

    fn create(&mut self, address: &str) -> Value {
        self.made += 1;
        let id = format!("w{}", self.made);
        let webhook = json!({ "id": id, "address": address, "enabled": true, "created_at": "2026-07-15T12:00:00.000000Z" });
        self.webhooks.insert(0, webhook.clone());
        let mut shown = webhook;
        shown["signing_secret"] = Mux::secret(&id).into();
        shown
    }

    fn of_one(&mut self, method: &str, id: &str, body: impl Fn() -> Value) -> Answer {
        let Some(place) = self.webhooks.iter().position(|webhook| webhook["id"] == id) else {
            return problem(
                "404 Not Found",
                "The requested resource either doesn't exist or you don't have access",
            );
        };
        match method {
            "PATCH" => {
                self.webhooks[place]["enabled"] = body()["enabled"].clone();
                data("200 OK", &self.webhooks[place])
            }
            "DELETE" => {
                self.webhooks.remove(place);
                ("204 No Content", String::new())
            }
            _ => data("200 OK", &self.webhooks[place]),
        }
    }
}

fn data(status: &'static str, data: &Value) -> Answer {
    (status, json!({ "data": data }).to_string())
}

fn problem(status: &'static str, message: &str) -> Answer {
    (status, json!({ "error": { "type": "t", "messages": [message] } }).to_string())
}
