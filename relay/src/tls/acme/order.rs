//! One certificate, from the order to the chain (RFC 8555 §7).

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeHandle, ChallengeType, Error, Identifier,
    Key, NewOrder, Order, OrderStatus,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::directory::{Directory, Fault};
use super::state::{Published, State};
use super::store::{Store, Stored};
use crate::config::Acme;

/// The pause before the directory is first asked how an order stands.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// The longest pause between two such questions, also when the directory wishes for a longer one.
const LAST_LOOK: Duration = Duration::from_secs(20);

/// How often it is asked at most, for each of the two things that are waited for: some minutes in all.
const LOOKS: u32 = 20;

/// Most characters of what a directory says that are told.
const TOLD: usize = 400;

/// Why there is no certificate this time.
#[derive(Debug)]
pub(super) struct Failed {
    /// For the log: one line, nothing that moves a cursor.
    pub(super) why: String,
    /// Whether the directory was asked for something, so that its limits are touched.
    pub(super) was_reached: bool,
    /// How long the directory wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

impl Failed {
    pub(super) fn here(why: impl ToString) -> Self {
        Self { why: told(&why.to_string()), was_reached: true, retry_after: None }
    }
}

/// What the order is made with.
pub(super) struct Desk<'d> {
    pub(super) acme: &'d Acme,
    pub(super) directory: &'d Directory,
    pub(super) state: &'d State,
    pub(super) store: &'d Store,
}

impl Desk<'_> {
    /// Gets one.
    pub(super) async fn obtain(&self) -> Result<Stored, Failed> {
        let account = self.account().await?;
        let names = self.acme.domains.iter().map(|domain| Identifier::Dns(domain.as_str().to_owned()));
        let names: Vec<_> = names.collect();
        let mut order =
            account.new_order(&NewOrder::new(&names)).await.map_err(|error| self.failed(error))?;
        let published = self.state.publishing();
        self.prove(&mut order, &published).await?;
        let is_settled = |status| !matches!(status, OrderStatus::Pending);
        if self.wait(&mut order, is_settled).await? == OrderStatus::Invalid {
            return Err(self.refused(&mut order).await);
        }
        drop(published);
        let key = KeyPair::generate().map_err(Failed::here)?;
        if order.state().status == OrderStatus::Ready {
            let request = self.request(&key).map_err(Failed::here)?;
            order.finalize_csr(&request).await.map_err(|error| self.failed(error))?;
        }
        let is_settled = |status| matches!(status, OrderStatus::Valid | OrderStatus::Invalid);
        if self.wait(&mut order, is_settled).await? == OrderStatus::Invalid {
            return Err(self.refused(&mut order).await);
        }
        let chain = order.certificate().await.map_err(|error| self.failed(error))?;
        let chain = chain.ok_or_else(|| Failed::here("the directory gave no certificate"))?;
        Ok(Stored::new(self.acme, key.serialize_pem(), chain))
    }

    /// The account that belongs to the stored key, made when the directory does not know it.
    async fn account(&self) -> Result<Account, Failed> {
        let store = self.store.clone();
        let pkcs8 = spawn_blocking(move || store.account_key()).await.map_err(Failed::here)?;
        let pkcs8 = pkcs8.map_err(Failed::here)?;
        let key = Key::from_pkcs8_der(pkcs8.clone_key()).map_err(Failed::here)?;
        let builder = Account::builder_with_http(Box::new(self.directory.clone()));
        let made = builder.create_from_key((key, PrivateKeyDer::Pkcs8(pkcs8)), self.directory.url());
        let (account, _) = made.await.map_err(|error| self.failed(error))?;
        if let Some(email) = &self.acme.email {
            // Each time, since the operator may have named another.
            account.update_contacts(&[&email.mailto()]).await.map_err(|error| self.failed(error))?;
        }
        Ok(account)
    }

    /// Publishes what the directory will look for, and tells it that it may look.
    async fn prove(&self, order: &mut Order, published: &Published<'_>) -> Result<(), Failed> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|error| self.failed(error))?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let mut challenge = self.choose(&mut authorization)?;
            let proof = challenge.key_authorization();
            if challenge.r#type == ChallengeType::Http01 {
                published.http(&challenge.token, proof.as_str());
            } else {
                let domain = challenge.identifier().to_string();
                let certificate = certificate(&domain, proof.digest().as_ref()).map_err(Failed::here)?;
                published.tls(&domain, certificate);
            }
            challenge.set_ready().await.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// HTTP-01 where the operator gave it a port: the port of TLS may not be 443 then. Else TLS-ALPN-01.
    fn choose<'c>(
        &self,
        authorization: &'c mut AuthorizationHandle<'c>,
    ) -> Result<ChallengeHandle<'c>, Failed> {
        let offers = |kind| authorization.challenges.iter().any(|challenge| challenge.r#type == kind);
        let kind = match self.acme.http.is_empty() {
            false if offers(ChallengeType::Http01) => ChallengeType::Http01,
            _ => ChallengeType::TlsAlpn01,
        };
        authorization.challenge(kind).ok_or_else(|| {
            Failed::here(
                "the directory offers no way to prove the name that this relay knows: tls-alpn-01, or http-01 with \
                 --listen on port 80",
            )
        })
    }

    /// Asks how the order stands until it stands as wanted.
    async fn wait(&self, order: &mut Order, is: impl Fn(OrderStatus) -> bool) -> Result<OrderStatus, Failed> {
        let mut pause = FIRST_LOOK;
        for _ in 0..LOOKS {
            if is(order.state().status) {
                return Ok(order.state().status);
            }
            sleep(self.directory.retry_after().unwrap_or(pause).clamp(pause, LAST_LOOK)).await;
            pause = (pause * 2).min(LAST_LOOK);
            order.refresh().await.map_err(|error| self.failed(error))?;
        }
        Err(Failed::here("the directory did not come to an end with the order"))
    }

    /// What the directory says of an order that it refused: of the order itself, else of a challenge.
    async fn refused(&self, order: &mut Order) -> Failed {
        let mut why = order.state().error.as_ref().map(ToString::to_string);
        let mut authorizations = order.authorizations();
        while let (None, Some(Ok(mut authorization))) = (&why, authorizations.next().await) {
            let Ok(state) = authorization.refresh().await else { break };
            let error = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            why = error.map(ToString::to_string);
        }
        let why = why.unwrap_or_else(|| "without a reason".to_owned());
        Failed::here(format!("the directory refused the order: {why}"))
    }

    fn request(&self, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
        let names = self.acme.domains.iter().map(|domain| domain.as_str().to_owned());
        let mut params = CertificateParams::new(names.collect::<Vec<_>>())?;
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(key)?.der().to_vec())
    }

    fn failed(&self, error: Error) -> Failed {
        let was_reached = match &error {
            Error::Other(cause) => !matches!(cause.downcast_ref(), Some(Fault::Unreachable(_))),
            _ => true,
        };
        Failed { why: told(&error.to_string()), was_reached, retry_after: self.directory.retry_after() }
    }
}

/// The certificate that proves a name by TLS-ALPN-01 (RFC 8737 §3).
fn certificate(domain: &str, digest: &[u8]) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(vec![domain.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let signer = ring::default_provider()
        .key_provider
        .load_private_key(PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

/// What came from elsewhere, made fit for a line of the log.
fn told(text: &str) -> String {
    text.escape_debug().take(TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_directory_says_is_one_short_harmless_line() {
        let said = told("too\r\n\tmany \x1b[2J\u{202e}\0 \"orders\" \u{9b}é");
        assert_eq!(said, r#"too\r\n\tmany \u{1b}[2J\u{202e}\0 \"orders\" \u{9b}é"#);
        assert_eq!(told(&"\n".repeat(10_000)).len(), TOLD);
        let why = Failed::here("a\nb").why;
        assert_eq!(why, "a\\nb");
    }
}
