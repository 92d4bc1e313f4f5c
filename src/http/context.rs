//! What every door holds: the store, the clock, the configuration, the way outside. Made once by the composition root.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;

use crate::access::grants::Lifetimes;
use crate::access::passkeys::ceremony::Ceremonies;
use crate::access::sessions;
use crate::access::signing_keys::SigningKeys;
use crate::config::Config;
use crate::config::limits::Limits;
use crate::flows::answer_link_request::AnswerLinkRequest;
use crate::flows::choose_password::ChoosePassword;
use crate::flows::leave_for_provider::LeaveForProvider;
use crate::flows::outside::Outside;
use crate::flows::passwords::Passwords;
use crate::flows::second_factors::SecondFactors;
use crate::flows::set_up_passkey::SetUpPasskey;
use crate::flows::sign_in_by_oidc::SignInByOidc;
use crate::flows::sign_in_by_passkey::SignInByPasskey;
use crate::flows::sign_in_by_password::SignInByPassword;
use crate::flows::sign_out_by_saml::Parties;
use crate::http::client_address::client_address;
use crate::http::guesses::Guesses;
use crate::http::scim::admission::Admission;
use crate::http::throttle::{OverLimit, Rate, Throttle, network};
use crate::provisioning::request_log::buffer::Buffer;
use crate::provisioning::schemas::catalog::Catalog;
use crate::store::Store;
use crate::values::clock::Clock;
use crate::values::entropy::Entropy;
use crate::values::ids::{RequestId, Sequence};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::TokenHash;

/// Links by mail that one address gets within an hour.
const MAILS_PER_HOUR: u32 = 5;

/// The shared state of the doors, as `web::Data<Context>`.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub store: Store,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Where ids and tokens come from.
    pub entropy: Entropy,
    /// The configuration.
    pub config: Arc<Config>,
    /// DNS, identity providers, keys.
    pub outside: Outside,
    /// The resource types of organizations.
    pub scim_catalog: Catalog,
    /// What signs tokens.
    pub signing_keys: SigningKeys,
    /// How often what may be done.
    pub throttles: Throttles,
    /// What is to be kept of what SCIM clients send.
    pub request_log: Buffer,
    /// Who hashes passwords.
    pub passwords: Passwords,
    /// What asks browsers for passkeys, where the public URL names a host.
    pub ceremonies: Option<Ceremonies>,
    /// How often a password may be tried for one address.
    pub guesses: Guesses,
    /// How often a code may be tried for one account.
    pub codes: Guesses,
}

/// The limits on how often something may be done, with their memory. Clones share it.
#[derive(Clone, Debug)]
pub struct Throttles {
    /// How often one network may submit the sign-in forms.
    pub sign_in: Throttle<IpAddr>,
    /// How often one network may begin a sign-in.
    pub authorize: Throttle<IpAddr>,
    /// How often one network may bring the answer of an identity provider, go on with it, or sign out.
    pub answers: Throttle<IpAddr>,
    /// How often one network may tell that a session at a provider has ended.
    pub logouts: Throttle<IpAddr>,
    /// How many links by mail one address gets.
    pub mails: Throttle<TokenHash>,
    /// How often one network may ask for a token of a SCIM client.
    pub token: Throttle<IpAddr>,
    /// How much SCIM clients and their organizations may ask for.
    pub scim: Arc<Admission>,
}

impl Throttles {
    /// As the configuration says; nothing has been done yet.
    pub fn new(limits: &Limits) -> Self {
        let per_minute = |count| Throttle::new(Rate::per_minute(count));
        Self {
            sign_in: per_minute(limits.sign_in_attempts_per_minute),
            authorize: per_minute(limits.authorize_per_minute),
            answers: per_minute(limits.answers_per_minute),
            logouts: per_minute(limits.logout_tokens_per_minute),
            mails: Throttle::new(Rate::per_hour(MAILS_PER_HOUR)),
            token: per_minute(limits.scim_token_requests_per_minute),
            scim: Arc::new(Admission::new(limits)),
        }
    }
}

impl Context {
    /// The operation of one request.
    pub fn operation(&self, actor: Actor, request: RequestId) -> Operation {
        Operation {
            actor,
            request,
            at: self.clock.now(),
            entropy: self.entropy,
            sequence: Sequence::default(),
            data_center: self.config.data_center.clone(),
        }
    }

    /// The public URL without the slash at its end: the issuer, and what paths are appended to.
    pub fn issuer(&self) -> &str {
        self.config.public_url.as_str().trim_end_matches('/')
    }

    /// Lets the network that `request` comes from do one more of what `throttle` counts, or says when it may.
    pub fn admit(&self, throttle: &Throttle<IpAddr>, request: &HttpRequest, op: &Operation) -> Result<(), OverLimit> {
        let address = client_address(request, &self.config.trusted_proxies);
        throttle.admit(network(address), op.at).map(|_| ())
    }

    /// What it takes to send a browser to an identity provider.
    pub fn leave_for_provider(&self) -> LeaveForProvider {
        LeaveForProvider {
            store: self.store.clone(),
            by_oidc: self.sign_in_by_oidc(),
            service_provider: self.outside.service_provider.clone(),
        }
    }

    /// What it takes to sign out across SAML providers.
    pub fn sign_out_parties(&self) -> Parties<'_> {
        Parties { store: &self.store, provider: &self.outside.service_provider, verifier: &self.outside.verifier }
    }

    /// How long sessions last.
    pub fn session_limits(&self) -> sessions::Limits {
        let lifetimes = &self.config.lifetimes;
        sessions::Limits { idle_seconds: lifetimes.session_idle_seconds, absolute_seconds: lifetimes.session_seconds }
    }

    /// How long codes and tokens last.
    pub fn lifetimes(&self) -> Lifetimes {
        let lifetimes = &self.config.lifetimes;
        Lifetimes {
            code_seconds: lifetimes.code_seconds,
            access_token_seconds: lifetimes.access_token_seconds,
            refresh_token_seconds: lifetimes.refresh_token_seconds,
        }
    }

    /// The story of a sign-in by a password.
    pub fn sign_in_by_password(&self) -> SignInByPassword {
        let (sealer, passwords) = (self.outside.sealer.clone(), self.passwords.clone());
        SignInByPassword { store: self.store.clone(), sealer, passwords }
    }

    /// The story of a password that is chosen.
    pub fn choose_password(&self) -> ChoosePassword {
        let (sealer, passwords) = (self.outside.sealer.clone(), self.passwords.clone());
        ChoosePassword { store: self.store.clone(), sealer, passwords }
    }

    /// The story of an answer to the question whether a sign-in was somebody's own.
    pub fn answer_link_request(&self) -> AnswerLinkRequest {
        let (sealer, passwords) = (self.outside.sealer.clone(), self.passwords.clone());
        AnswerLinkRequest { store: self.store.clone(), sealer, passwords }
    }

    /// The story of a second factor that is added or removed.
    pub fn second_factors(&self) -> SecondFactors {
        let (sealer, passwords) = (self.outside.sealer.clone(), self.passwords.clone());
        SecondFactors {
            store: self.store.clone(),
            sealer,
            passwords,
            ceremonies: self.ceremonies.clone(),
            most_passkeys: self.config.limits.passkeys_per_account,
        }
    }

    /// The story of a sign-in by a passkey, where there can be any.
    pub fn sign_in_by_passkey(&self) -> Option<SignInByPasskey> {
        let ceremonies = self.ceremonies.clone()?;
        Some(SignInByPasskey { store: self.store.clone(), ceremonies })
    }

    /// The story of a passkey that is made in a sign-in, where the gateway can have any.
    pub fn set_up_passkey(&self) -> Option<SetUpPasskey> {
        let (ceremonies, most_passkeys) = (self.ceremonies.clone()?, self.config.limits.passkeys_per_account);
        Some(SetUpPasskey { store: self.store.clone(), ceremonies, most_passkeys })
    }

    /// The story of a sign-in by an OpenID provider.
    pub fn sign_in_by_oidc(&self) -> SignInByOidc {
        SignInByOidc {
            store: self.store.clone(),
            idp: self.outside.idp.clone(),
            sealer: self.outside.sealer.clone(),
            relying_party: self.outside.relying_party.clone(),
            clock_skew_seconds: self.config.lifetimes.clock_skew_seconds,
            most_people: self.config.limits.scim_users_per_organization,
        }
    }
}
