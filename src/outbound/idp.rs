//! What is fetched from customers' identity providers: an OpenID provider's metadata, keys, tokens and UserInfo, and
//! SAML metadata by URL.
//!
//! Metadata and keys are kept for a while, failures for a few seconds, and of many callers who want the same document
//! at once one fetches it: neither a rush of sign-ins nor a flood of tokens with unknown key ids makes the gateway
//! hammer a provider.

use std::sync::Arc;

use moka::future::Cache;
use url::Url;

use super::address::Reach;
use super::fetched::{self, Fetched, kept, successful};
use super::http_client::{Answer, Call, CallFailure, HttpClient};
use super::key_sets::KeySets;
use crate::protocol::oidc::relying_party::discovery::{self, DiscoveryError, ProviderConfiguration, Transport};
use crate::protocol::oidc::relying_party::jwks::{KeySet, MalformedKeySet};
use crate::protocol::oidc::relying_party::token::{self, TokenCall, TokenCallError, Tokens};
use crate::values::secret::Secret;

/// At most this many providers are kept in memory.
const PROVIDERS: u64 = 10_000;

/// Why a provider's answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdpFailure {
    /// There is no answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// The answer's status is not 200.
    #[error("the provider answered with status {0}")]
    Status(u16),
    /// The metadata document is not acceptable.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The key set is not acceptable.
    #[error(transparent)]
    KeySet(#[from] MalformedKeySet),
    /// The token endpoint refused, or its answer is not acceptable.
    #[error(transparent)]
    Token(#[from] TokenCallError),
}

/// A document that may be known already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// It is.
    Unchanged,
    /// It is not, or the server does not say.
    Changed {
        /// The document.
        body: Vec<u8>,
        /// What the server calls this version.
        etag: Option<String>,
    },
}

/// Fetches from identity providers. Clones share what is kept.
#[derive(Clone)]
pub struct IdpClient {
    http: HttpClient,
    transport: Transport,
    configurations: Cache<String, Fetched<ProviderConfiguration>>,
    keys: KeySets<KeySet>,
}

impl IdpClient {
    /// A client that calls through `http`.
    pub fn new(http: HttpClient) -> Self {
        let transport = match http.reach() {
            Reach::Public => Transport::HttpsOnly,
            Reach::PublicAndLoopback => Transport::LoopbackAllowed,
        };
        Self {
            transport,
            configurations: fetched::cache(PROVIDERS),
            keys: KeySets::new(http.clone(), KeySet::parse),
            http,
        }
    }

    /// The metadata of the provider with this issuer.
    pub async fn configuration(&self, issuer: &str) -> Result<Arc<ProviderConfiguration>, IdpFailure> {
        let fetch = async {
            let url = discovery::document_url(issuer, self.transport)?;
            let answer = fetched::document(&self.http, &url, "application/json").await?;
            let configuration = discovery::parse(&answer.body, issuer, self.transport)?;
            Ok((configuration, answer.max_age_seconds))
        };
        self.configurations.get_with_by_ref(issuer, kept(fetch)).await.outcome
    }

    /// What `check` says under the keys at `jwks_uri`; when it `is_key_unknown`, what it says under the same fetched again.
    pub async fn check_with_keys<T, E>(
        &self,
        jwks_uri: &Url,
        check: impl Fn(&KeySet) -> Result<T, E>,
        is_key_unknown: fn(&E) -> bool,
    ) -> Result<Result<T, E>, IdpFailure> {
        match check(&*self.keys.keys(jwks_uri).await?) {
            Err(error) if is_key_unknown(&error) => Ok(check(&*self.keys.refreshed(jwks_uri).await?)),
            outcome => Ok(outcome),
        }
    }

    /// Redeems a code.
    pub async fn tokens(&self, provider: &ProviderConfiguration, call: &TokenCall) -> Result<Tokens, IdpFailure> {
        let call = Call {
            url: &provider.token_endpoint,
            accept: "application/json",
            authorization: call.authorization.as_ref(),
            form: Some(&call.body),
            known: None,
        };
        let answer = self.http.call(call).await?;
        Ok(token::parse_answer(answer.status, &answer.body)?)
    }

    /// A UserInfo answer, whose media type says whether it is signed.
    pub async fn userinfo(&self, url: &Url, access_token: &Secret) -> Result<Answer, IdpFailure> {
        let authorization = Secret::from(format!("Bearer {}", access_token.expose()));
        let accept = "application/json, application/jwt";
        let call = Call { url, accept, authorization: Some(&authorization), form: None, known: None };
        successful(self.http.call(call).await?)
    }

    /// A SAML metadata document, unless it still is the version `known`.
    pub async fn saml_metadata(&self, url: &Url, known: Option<&str>) -> Result<Document, IdpFailure> {
        let call = Call { known, ..Call::get(url, "application/samlmetadata+xml, application/xml, text/xml") };
        let answer = self.http.call(call).await?;
        if answer.status == 304 && known.is_some() {
            return Ok(Document::Unchanged);
        }
        let answer = successful(answer)?;
        Ok(Document::Changed { body: answer.body, etag: answer.etag })
    }
}

impl std::fmt::Debug for IdpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdpClient")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
    use futures_util::future::join_all;
    use url::Url;

    use super::{DiscoveryError, IdpClient, IdpFailure};
    use crate::outbound::address::Reach;
    use crate::outbound::http_client::{HttpClient, Settings};
    use crate::protocol::oidc::relying_party::dishonest::metadata;

    /// A provider that counts how often its documents are fetched; `/broken` has none.
    fn provider() -> (String, Arc<AtomicUsize>) {
        let hits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&hits);
        let answer = move |request: HttpRequest| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                let base = format!("http://{}", request.connection_info().host());
                match request.path() {
                    "/.well-known/openid-configuration" | "/liar/.well-known/openid-configuration" => {
                        HttpResponse::Ok().json(metadata(&base))
                    }
                    "/jwks" => HttpResponse::Ok().json(serde_json::json!({ "keys": [] })),
                    _ => HttpResponse::InternalServerError().finish(),
                }
            }
        };
        let server = HttpServer::new(move || App::new().default_service(web::to(answer.clone())))
            .workers(1)
            .bind(("127.0.0.1", 0))
            .unwrap();
        let port = server.addrs()[0].port();
        actix_web::rt::spawn(server.run());
        (format!("http://127.0.0.1:{port}"), hits)
    }

    fn client() -> IdpClient {
        let settings = Settings { reach: Reach::PublicAndLoopback, ..Settings::default() };
        IdpClient::new(HttpClient::new(settings).unwrap())
    }

    #[actix_web::test]
    async fn of_many_callers_one_fetches_the_metadata() {
        let (issuer, hits) = provider();
        let client = client();
        for found in join_all((0..20).map(|_| client.configuration(&issuer))).await {
            assert_eq!(found.unwrap().issuer.as_str(), issuer);
        }
        assert_eq!(hits.load(Ordering::SeqCst), 1);
    }

    #[actix_web::test]
    async fn a_failure_is_kept_for_a_moment() {
        let (issuer, hits) = provider();
        let (client, broken) = (client(), format!("{issuer}/broken"));
        for _ in 0..5 {
            assert_eq!(client.configuration(&broken).await, Err(IdpFailure::Status(500)));
        }
        assert_eq!(hits.load(Ordering::SeqCst), 1);
    }

    #[actix_web::test]
    async fn a_document_of_another_issuer_is_refused() {
        let (issuer, _) = provider();
        let outcome = client().configuration(&format!("{issuer}/liar")).await;
        assert_eq!(outcome, Err(IdpFailure::Discovery(DiscoveryError::IssuerMismatch)));
    }

    #[actix_web::test]
    async fn of_fifty_sign_ins_at_once_one_fetches_the_keys() {
        let (issuer, hits) = provider();
        let (client, jwks) = (client(), Url::parse(&format!("{issuer}/jwks")).unwrap());
        let check = || client.check_with_keys(&jwks, |_| Ok::<_, ()>(()), |()| false);
        for outcome in join_all((0..50).map(|_| check())).await {
            assert_eq!(outcome, Ok(Ok(())));
        }
        assert_eq!(hits.load(Ordering::SeqCst), 1);
    }

    #[actix_web::test]
    async fn a_flood_of_unknown_key_ids_costs_one_more_fetch() {
        let (issuer, hits) = provider();
        let (client, jwks) = (client(), Url::parse(&format!("{issuer}/jwks")).unwrap());
        let unknown = || client.check_with_keys(&jwks, |_| Err::<(), _>(()), |()| true);
        for outcome in join_all((0..50).map(|_| unknown())).await {
            assert_eq!(outcome, Ok(Err(())));
        }
        for _ in 0..5 {
            assert_eq!(unknown().await, Ok(Err(())), "one at a time neither");
        }
        assert_eq!(hits.load(Ordering::SeqCst), 2);
        let known = client.check_with_keys(&jwks, |_| Err::<(), _>(()), |()| false).await;
        assert_eq!((known, hits.load(Ordering::SeqCst)), (Ok(Err(())), 2), "another failure fetches nothing");
    }
}
