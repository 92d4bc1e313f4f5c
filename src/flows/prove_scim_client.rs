//! Who asks for an access token as a SCIM client: the secret is looked up, the signature of an assertion is checked with
//! keys that may have to be fetched. Nothing is written here.

use url::Url;

use crate::outbound::idp::IdpFailure;
use crate::outbound::key_sets::KeySets;
use crate::protocol::oidc::client_assertion::{self, AssertionError, Expected, ExpectedAudience, VerifiedAssertion};
use crate::protocol::oidc::client_authentication::{ClientCredentials, Proof};
use crate::protocol::oidc::client_keys::ClientKeySet;
use crate::protocol::oidc::relying_party::jwks::KeyChoiceError;
use crate::provisioning::clients::kind::{CredentialKind, KeySource};
use crate::provisioning::clients::tokens::{self, Proved, SingleUse, Trusted};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::ScimClientId;
use crate::values::secret::{Secret, TokenHash};

/// The longest life of an assertion that a client signs itself.
const OWN_SECONDS: i64 = 600;
/// The longest life of one that somebody else signs. Entra ID's live 65 minutes, those of some clusters a day.
const FOREIGN_SECONDS: i64 = 24 * 3600;

/// What every proof is compared with.
#[derive(Clone)]
pub struct Desk {
    /// The database.
    pub store: Store,
    /// The keys that clients publish.
    pub keys: KeySets<ClientKeySet>,
    /// The gateway's name.
    pub issuer: String,
    /// How far another clock may differ from ours.
    pub clock_skew_seconds: i64,
}

/// Why nothing was proved. The client hears one answer for all but the last two; the log hears which it is.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The client named itself and proved nothing, or there is no such client.
    #[error("no such client, or no proof")]
    Nothing,
    /// No live credential has this secret.
    #[error("the secret is not that of a live credential")]
    Secret,
    /// No live credential trusts an assertion of this issuer about this subject.
    #[error("no live credential trusts this issuer and subject")]
    Untrusted,
    /// The assertion failed a check.
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    /// An assertion that the client signs itself has no id by which it is used once.
    #[error("the assertion has no id")]
    NoId,
    /// The keys that would check it cannot be fetched.
    #[error("the keys cannot be fetched: {0}")]
    Keys(IdpFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    /// The credential that `presented` proves.
    pub async fn prove(&self, presented: &ClientCredentials, now: Timestamp) -> Result<Proved, ProofError> {
        let client: ScimClientId = presented.client_id.parse().map_err(|_| ProofError::Nothing)?;
        match &presented.proof {
            Proof::None => Err(ProofError::Nothing),
            Proof::Secret(secret) => {
                let secret = secret.clone();
                let found = self.store.read(move |tx| tokens::prove_secret(tx, client, &secret, now));
                found.await?.ok_or(ProofError::Secret)
            }
            Proof::Assertion(assertion) => self.prove_by_assertion(client, assertion, now).await,
        }
    }

    /// Each credential that trusts what the assertion claims is tried; of the refusals the last one is told.
    async fn prove_by_assertion(
        &self,
        client: ScimClientId,
        assertion: &Secret,
        now: Timestamp,
    ) -> Result<Proved, ProofError> {
        let claimed = client_assertion::claimed(assertion.expose())?;
        let trusted = self.store.read(move |tx| tokens::trusted(tx, client, now)).await?;
        let own = client.to_string();
        let mut refusal = ProofError::Untrusted;
        for one in trusted {
            let Some(terms) = Terms::of(&one, &own) else { continue };
            if terms.issuer != claimed.issuer || terms.subject != claimed.subject {
                continue;
            }
            match self.check(assertion, &terms, now).await {
                Ok(verified) => return proved(&one, verified),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    async fn check(
        &self,
        assertion: &Secret,
        terms: &Terms<'_>,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, ProofError> {
        let expected = Expected {
            issuer: terms.issuer,
            subject: terms.subject,
            audience: match terms.audience {
                Some(agreed) => ExpectedAudience::Agreed(agreed),
                None => ExpectedAudience::Issuer(&self.issuer),
            },
            now,
            skew_seconds: self.clock_skew_seconds,
            longest_seconds: terms.longest_seconds,
        };
        match terms.keys {
            KeySource::Jwks(document) => {
                let keys = ClientKeySet::registered(document);
                let keys = keys.map_err(|_| StoreError::Inconsistent("scim_credentials.trust"))?;
                Ok(client_assertion::verify(assertion.expose(), &keys, &expected)?)
            }
            KeySource::JwksUri(url) => self.check_with_published(assertion, url, &expected).await,
        }
    }

    /// The keys may have been rolled over since they were fetched.
    async fn check_with_published(
        &self,
        assertion: &Secret,
        url: &Url,
        expected: &Expected<'_>,
    ) -> Result<VerifiedAssertion, ProofError> {
        let keys = self.keys.keys(url).await.map_err(ProofError::Keys)?;
        match client_assertion::verify(assertion.expose(), &keys, expected) {
            Err(AssertionError::Key(KeyChoiceError::NotFound)) => {
                let keys = self.keys.refreshed(url).await.map_err(ProofError::Keys)?;
                Ok(client_assertion::verify(assertion.expose(), &keys, expected)?)
            }
            outcome => Ok(outcome?),
        }
    }
}

/// What an assertion must say for one credential.
struct Terms<'a> {
    issuer: &'a str,
    subject: &'a str,
    /// `None` for the gateway itself.
    audience: Option<&'a str>,
    keys: &'a KeySource,
    longest_seconds: i64,
}

impl<'a> Terms<'a> {
    /// RFC 7523, 3: the subject is "the client_id of the OAuth client"; of an own assertion the issuer is, too.
    fn of(trusted: &'a Trusted, own: &'a str) -> Option<Self> {
        match &trusted.kind {
            CredentialKind::Bearer | CredentialKind::ClientSecret => None,
            CredentialKind::PrivateKeyJwt { keys } => {
                Some(Self { issuer: own, subject: own, audience: None, keys, longest_seconds: OWN_SECONDS })
            }
            CredentialKind::WorkloadIdentity { keys, identity } => Some(Self {
                issuer: &identity.issuer,
                subject: &identity.subject,
                audience: Some(&identity.audience),
                keys,
                longest_seconds: FOREIGN_SECONDS,
            }),
        }
    }
}

/// An assertion that the client signs is used up. One of somebody else is not: Entra ID's have no `jti`, and workloads
/// present the same token until it ends.
fn proved(trusted: &Trusted, verified: VerifiedAssertion) -> Result<Proved, ProofError> {
    let single_use = match (&trusted.kind, verified.id) {
        (CredentialKind::PrivateKeyJwt { .. }, None) => return Err(ProofError::NoId),
        (CredentialKind::PrivateKeyJwt { .. }, Some(id)) => {
            Some(SingleUse { id: TokenHash::of(&id), expires_at: verified.ends_at })
        }
        _ => None,
    };
    Ok(Proved { single_use, ..trusted.proved.clone() })
}
