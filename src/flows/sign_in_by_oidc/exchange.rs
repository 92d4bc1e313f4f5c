//! The exchange with a provider once it has sent somebody back: the code for tokens, the tokens for who it is. Every way
//! out but one is a refusal, which names the check.

use serde_json::{Map, Value};

use super::{SignInByOidc, Waiting};
use crate::access::attempts::refusal::Refusal;
use crate::access::grants;
use crate::access::identity::AssertedIdentity;
use crate::outbound::idp::IdpFailure;
use crate::protocol::compared::Compared;
use crate::protocol::oidc::class_map;
use crate::protocol::oidc::relying_party::authentication::{self, Assertion, ClientAuthentication};
use crate::protocol::oidc::relying_party::authorization::{self, Callback};
use crate::protocol::oidc::relying_party::claim_map::{self, ClaimMap};
use crate::protocol::oidc::relying_party::discovery::ProviderConfiguration;
use crate::protocol::oidc::relying_party::id_token::{self, Expected, IdTokenError, VerifiedIdToken};
use crate::protocol::oidc::relying_party::logout_token::MAX_SESSION_ID;
use crate::protocol::oidc::relying_party::preset::{self, Preset};
use crate::protocol::oidc::relying_party::token::{self, OwnCredentials, OwnProof, TokenCallError, Tokens};
use crate::protocol::oidc::relying_party::userinfo::{self, UserInfoError};
use crate::store::Tx;
use crate::store::domains::{self, Owned};
use crate::values::clock::Timestamp;
use crate::values::operation::Operation;
use crate::values::secret::{Secret, new_token};

/// Why somebody of no workspace of the organization is refused.
const FOREIGN_WORKSPACE: &str = "the account is of no workspace of a domain that the organization has verified";

/// Why nobody was identified, and what was compared where a check of the protocol failed.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) compared: Option<Compared>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, compared: None }
    }
}

/// One exchange.
pub(super) struct Exchange<'a> {
    pub(super) flow: &'a SignInByOidc,
    pub(super) op: &'a Operation,
    pub(super) waiting: &'a Waiting,
}

impl Exchange<'_> {
    /// Who the provider says it is.
    pub(super) async fn identify(&self, callback: &Callback) -> Result<AssertedIdentity, Refused> {
        let waiting = self.waiting;
        if let Some(refusal) = &waiting.refusal {
            return Err(refusal.clone().into());
        }
        let provider = self.flow.idp.configuration(&waiting.issuer).await.map_err(|failure| unreachable(&failure))?;
        let other_issuer =
            |error| Refused { refusal: unverified(&error), compared: Some(callback.compared(&provider)) };
        callback.check_issuer(&provider, waiting.options.strictness()).map_err(other_issuer)?;
        let code = match &callback.outcome {
            authorization::Outcome::Code(code) => code,
            authorization::Outcome::Refused(code) => return Err(Refusal::Declined { code: code.clone() }.into()),
        };
        let tokens = self.redeem(&provider, code).await?;
        let verified = self.verified(&provider, code, &tokens).await?;
        let claims = self.claims(&provider, &tokens, &verified).await?;
        self.check_workspace(&verified.claims).await?;
        Ok(asserted(waiting, verified, &claims, self.flow.most_people)?)
    }

    async fn redeem(&self, provider: &ProviderConfiguration, code: &Secret) -> Result<Tokens, Refusal> {
        let (flow, waiting) = (self.flow, self.waiting);
        let assertion = self.assertion().map_err(|error| unreachable(&error.into()))?;
        let own = OwnCredentials {
            client_id: &waiting.client_id,
            proof: match (&assertion, &waiting.client_secret) {
                (Some(assertion), _) => OwnProof::Assertion(assertion),
                (None, None) => OwnProof::Nothing,
                (None, Some(secret)) => {
                    match waiting.authentication.unwrap_or_else(|| ClientAuthentication::by_secret(provider)) {
                        ClientAuthentication::ClientSecretPost => OwnProof::Post(secret),
                        ClientAuthentication::ClientSecretBasic => OwnProof::Basic(secret),
                        ClientAuthentication::PrivateKeyJwt => OwnProof::Nothing,
                    }
                }
            },
        };
        let redirect_uri = flow.relying_party.callback_url(waiting.connection);
        let call = token::redeem(provider, &own, code, &redirect_uri, &waiting.verifier)
            .map_err(|error| unreachable(&error.into()))?;
        flow.idp.tokens(provider, &call).await.map_err(without_tokens)
    }

    /// The gateway's own proof, where the connection has it sign one.
    fn assertion(&self) -> Result<Option<Secret>, TokenCallError> {
        let Some(key) = &self.waiting.key else { return Ok(None) };
        let id = new_token("", &self.op.entropy);
        let (client_id, issuer) = (&self.waiting.client_id, &self.waiting.issuer);
        let assertion = Assertion { client_id, issuer, id: id.expose(), now: self.op.at };
        authentication::sign(&assertion, key).map(Some).map_err(|_| TokenCallError::Request)
    }

    async fn verified(
        &self,
        provider: &ProviderConfiguration,
        code: &Secret,
        tokens: &Tokens,
    ) -> Result<VerifiedIdToken, Refused> {
        let waiting = self.waiting;
        let accepted = waiting.options.accepted(waiting.preset, waiting.attempt.request.level_asked());
        let expected = Expected {
            issuer: &provider.issuer,
            client_id: &waiting.client_id,
            nonce: waiting.nonce.expose(),
            access_token: tokens.access_token.expose(),
            code: code.expose(),
            acr_values: &accepted,
            authenticated_after: self.authenticated_after(),
            now: self.op.at,
            skew_seconds: self.flow.clock_skew_seconds,
            strictness: waiting.options.strictness(),
        };
        let check = |keys: &_| id_token::verify(tokens.id_token.expose(), keys, &expected);
        let checked = self.flow.idp.check_with_keys(&provider.jwks_uri, check, IdTokenError::is_key_unknown).await;
        checked.map_err(|failure| unreachable(&failure))?.map_err(|error| Refused {
            refusal: unverified(&error),
            compared: id_token::compared(tokens.id_token.expose(), &expected, error),
        })
    }

    fn authenticated_after(&self) -> Option<Timestamp> {
        let attempt = &self.waiting.attempt;
        if self.waiting.options.forces_authentication {
            return Some(attempt.started_at);
        }
        grants::oldest_sign_in(&attempt.request, attempt.started_at)
    }

    /// The claims about the person: those of the ID token, and of UserInfo where the ID token says too little.
    async fn claims(
        &self,
        provider: &ProviderConfiguration,
        tokens: &Tokens,
        verified: &VerifiedIdToken,
    ) -> Result<Map<String, Value>, Refusal> {
        let waiting = self.waiting;
        let needs = waiting.options.claims.chosen().chain(&waiting.matching.claim);
        let map = ClaimMap::new(waiting.preset, &waiting.options.claims);
        let is_enough = claim_map::is_enough(&verified.claims, waiting.preset, (&map, waiting.uses), needs);
        let Some(url) = provider.userinfo_endpoint.as_ref().filter(|_| !is_enough) else {
            return Ok(verified.claims.clone());
        };
        let answer = self.flow.idp.userinfo(url, &tokens.access_token).await;
        let answer = answer.map_err(|failure| unreachable(&failure))?;
        let read = if answer.media_type == userinfo::SIGNED {
            let expected = userinfo::Expected {
                issuer: &provider.issuer,
                client_id: &waiting.client_id,
                subject: &verified.subject,
                strictness: waiting.options.strictness(),
            };
            let check = |keys: &_| userinfo::verify(&answer.body, keys, &expected);
            let checked = self.flow.idp.check_with_keys(&provider.jwks_uri, check, UserInfoError::is_key_unknown).await;
            checked.map_err(|failure| unreachable(&failure))?
        } else {
            userinfo::parse(&answer.body, &verified.subject)
        };
        let userinfo = read.map_err(|error| unverified(&error))?;
        Ok(claim_map::merge(&verified.claims, userinfo, waiting.preset))
    }

    /// Google signs everybody in who has an account there; the connection is for the organization's own workspaces.
    async fn check_workspace(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        if self.waiting.preset != Preset::Google {
            return Ok(());
        }
        let foreign = || Refusal::Unverified { check: FOREIGN_WORKSPACE.to_owned() };
        let workspace = preset::workspace(claims).ok_or_else(foreign)?;
        let organization = self.waiting.organization;
        // Who is known from a workspace goes on when its domain has lapsed; linking brings nobody new by it.
        let is_owner = move |tx: &mut Tx<'_>| domains::is_owner(tx, organization, workspace.as_str(), Owned::OrLapsed);
        let owned = self.flow.store.read(is_owner).await;
        match owned {
            Ok(true) => Ok(()),
            Ok(false) => Err(foreign()),
            Err(error) => {
                tracing::error!(%error, "the domains of an organization cannot be read");
                Err(Refusal::Unreachable { failure: "the organization's domains cannot be read now".to_owned() })
            }
        }
    }
}

/// What it means that the token endpoint gave nothing. A code that it does not know is not one that it gave: whoever brings the
/// callback can write it.
fn without_tokens(failure: IdpFailure) -> Refusal {
    match failure {
        IdpFailure::Token(error) if error.is_about_the_code() => unverified(&error),
        other => unreachable(&other),
    }
}

fn unreachable(failure: &IdpFailure) -> Refusal {
    Refusal::Unreachable { failure: failure.to_string() }
}

fn unverified(error: &impl std::error::Error) -> Refusal {
    Refusal::Unverified { check: error.to_string() }
}

fn asserted(
    waiting: &Waiting,
    verified: VerifiedIdToken,
    claims: &Map<String, Value>,
    most_people: u32,
) -> Result<AssertedIdentity, Refusal> {
    let preset = waiting.preset;
    let subject = preset.subject(&waiting.issuer, &verified.subject, &verified.claims);
    let subject = subject.map_err(|error| unverified(&error))?;
    let person = ClaimMap::new(preset, &waiting.options.claims).read(claims);
    let further = preset.contexts(&verified.claims);
    let words = verified.acr.iter().chain(&verified.amr).chain(&further).map(String::as_str);
    let several_factors = class_map::verdict(waiting.options.several_factors(preset).as_ref(), words);
    Ok(AssertedIdentity {
        connection: waiting.connection,
        organization: waiting.organization,
        subject,
        email: claim_map::email(claims),
        email_verified: preset.is_address_vouched(&waiting.issuer, claims),
        display_name: person.display_name,
        given_name: person.given_name,
        family_name: person.family_name,
        matched: match &waiting.matching.claim {
            Some(claim) => claim_map::text(claims, claim),
            None => claim_map::text(&verified.claims, preset.own_claim()),
        },
        matching: waiting.matching.clone(),
        groups: person.groups,
        authn_instant: verified.authenticated_at,
        amr: verified.amr,
        acr: verified.acr,
        further,
        several_factors,
        session_expires_at: verified.session_expires_at,
        most_people,
        upstream_session: verified.session_id.filter(|id| !id.is_empty() && id.len() <= MAX_SESSION_ID),
    })
}
