//! Who the gateway is towards the OpenID provider of one connection: its addresses there, and the key with which it proves
//! that it is the client.
//!
//! The key signs nothing else: what goes into such a proof is chosen by whoever configures the connection, so that under a
//! key of our own tokens it could be made to look like one of them. Its public half stands at an address of each
//! connection, so that one day a connection can have a key of its own without anybody registering anything again.

use url::Url;

use crate::keys::purpose::Purpose;
use crate::keys::ring::{KeyRing, OpenedKey};
use crate::keys::rotation::KeyError;
use crate::protocol::oidc::jwks::JwkSet;
use crate::protocol::oidc::signing::{InvalidSigningKey, SigningAlgorithm, SigningKey};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::ConnectionId;

/// The gateway as a client of OpenID providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    public_url: Url,
    keys: KeyRing,
}

impl RelyingParty {
    /// The gateway that people reach at `public_url`.
    pub fn new(public_url: Url, keys: KeyRing) -> Self {
        Self { public_url, keys }
    }

    /// The redirect URI of a connection, the only one that is registered at its provider.
    pub fn callback_url(&self, connection: ConnectionId) -> Url {
        self.address(connection, "callback")
    }

    /// Where the provider finds the keys of the gateway.
    pub fn jwks_url(&self, connection: ConnectionId) -> Url {
        self.address(connection, "jwks")
    }

    /// Where the provider says that a session has ended there.
    pub fn logout_url(&self, connection: ConnectionId) -> Url {
        self.address(connection, "backchannel-logout")
    }

    /// Where the provider may send people to sign in, if the connection says so.
    pub fn initiate_url(&self, connection: ConnectionId) -> Url {
        self.address(connection, "initiate")
    }

    fn address(&self, connection: ConnectionId, door: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!("{}/federation/oidc/{connection}/{door}", self.public_url.path().trim_end_matches('/')));
        url
    }

    /// The key that signs now.
    pub fn signing_key(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<SigningKey, KeyError> {
        parse(self.keys.snapshot(tx, now)?.active(Purpose::OidcClient)?)
    }

    /// The keys that a provider may meet: those that sign now, signed until lately, and will sign next.
    pub fn jwks(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<JwkSet, KeyError> {
        let snapshot = self.keys.snapshot(tx, now)?;
        let public = |key| parse(key)?.public_jwk().map_err(unusable);
        let keys = snapshot.of(Purpose::OidcClient).map(|key| public(key)).collect::<Result<_, KeyError>>()?;
        Ok(JwkSet { keys })
    }
}

fn parse(opened: &OpenedKey) -> Result<SigningKey, KeyError> {
    SigningKey::from_pkcs8(&opened.id.to_string(), SigningAlgorithm::Es256, &opened.pkcs8).map_err(unusable)
}

fn unusable(_: InvalidSigningKey) -> KeyError {
    KeyError::Store(StoreError::Inconsistent("signing_keys.sealed_private"))
}
