//! What flows reach outside the database, bundled, so that a door can hand it on without knowing what is in it.

use crate::directory::relying_party::RelyingParty;
use crate::directory::service_provider::ServiceProvider;
use crate::flows::sign_in_by_saml::verifier::Verifier;
use crate::keys::ring::KeyRing;
use crate::keys::sealing::Sealer;
use crate::outbound::dns::Dns;
use crate::outbound::idp::IdpClient;
use crate::outbound::key_sets::KeySets;
use crate::protocol::oidc::client_keys::ClientKeySet;

/// The handles of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Outside {
    /// DNS look-ups.
    pub dns: Dns,
    /// Calls to identity providers.
    pub idp: IdpClient,
    /// The keys that SCIM clients publish.
    pub client_keys: KeySets<ClientKeySet>,
    /// The gateway's own keys.
    pub keys: KeyRing,
    /// The seal of other secrets.
    pub sealer: Sealer,
    /// Who the gateway is towards OpenID providers.
    pub relying_party: RelyingParty,
    /// Who the gateway is towards SAML identity providers.
    pub service_provider: ServiceProvider,
    /// Verifies what they answer.
    pub verifier: Verifier,
}
