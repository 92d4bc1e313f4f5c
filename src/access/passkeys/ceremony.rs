//! What is asked of a browser that makes or uses a passkey, and whether what it answers is right (WebAuthn Level 3, 7.1 and 7.2).
//!
//! The only place that names `webauthn_rs`. The relying party is the host of the gateway's public URL, the origin is that URL's
//! and nothing else. A gateway that is reached by an IP address has no passkeys: they are bound to a name. User verification is
//! required of each ceremony, so a passkey stands for two factors: what somebody has, and what they know or are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Uuid,
    Webauthn, WebauthnBuilder, WebauthnError,
};

use crate::values::ids::AccountId;

/// How long a browser may take, which is how long a challenge is good.
pub const TTL_SECONDS: i64 = 300;
/// The longest name of a passkey that an authenticator may give it (WebAuthn Level 3, 4: "credential ID").
const MAX_CREDENTIAL_ID: usize = 1_023;
/// The flag of an assertion that says that its key may be synchronized (WebAuthn Level 3, 6.1), and the byte that holds it.
const BACKUP_ELIGIBLE: u8 = 0x08;
const FLAGS: usize = 32;

/// Asks browsers, and checks what they answer. Cheap to clone.
#[derive(Clone)]
pub struct Ceremonies {
    webauthn: Arc<Webauthn>,
    origin: String,
}

/// What a browser is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// For the browser, as JSON.
    pub options: String,
    /// What the answer will be compared with, as JSON. It never leaves the gateway.
    pub state: String,
}

/// Somebody who gets a passkey.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Their account.
    pub account: AccountId,
    /// What their authenticator shows of it.
    pub label: &'a str,
    /// The credentials that they have, of which no authenticator is to hold two.
    pub credentials: &'a [Vec<u8>],
}

/// Where a passkey may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In the one authenticator that made it.
    OneDevice,
    /// It may be synchronized between devices.
    Synced,
}

/// A passkey that was made.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    /// The authenticator's name for it.
    pub credential_id: Vec<u8>,
    /// What is kept of it, as JSON.
    pub credential: String,
    /// Where it is kept.
    pub storage: Storage,
}

/// A passkey that was used.
#[derive(Debug, Clone)]
pub struct Used {
    /// What is kept of it from now on, as JSON.
    pub credential: String,
    /// Where it is kept.
    pub storage: Storage,
}

/// What a browser answered that used a passkey.
#[derive(Clone)]
pub struct Answer(PublicKeyCredential);

/// What a browser answered that made a passkey.
#[derive(Clone)]
pub struct Registration {
    credential: RegisterPublicKeyCredential,
    is_discoverable: bool,
}

/// Why an answer does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is not what was asked for, or not by that passkey.
    #[error("the answer is not right")]
    Wrong,
    /// It is right, and its counter is not ahead of the last one: there may be two of the passkey.
    #[error("the counter of the passkey went back")]
    CountedBack,
}

/// A browser cannot be asked. The text is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("passkeys: {0}")]
pub struct CeremonyFailed(String);

impl Ceremonies {
    /// Those of the gateway that people reach at `public_url`; none where that names no host.
    pub fn new(public_url: &Url) -> Option<Self> {
        let host = public_url.domain()?;
        let builder = WebauthnBuilder::new(host, public_url).ok()?;
        let timeout = Duration::from_secs(TTL_SECONDS.unsigned_abs());
        let webauthn = Arc::new(builder.rp_name(host).timeout(timeout).build().ok()?);
        Some(Self { webauthn, origin: public_url.origin().ascii_serialization() })
    }

    /// Asks for a new passkey that an authenticator can offer by itself.
    pub fn ask_for_new(&self, holder: &Holder<'_>) -> Result<Asked, CeremonyFailed> {
        let user = Uuid::from_bytes(*holder.account.as_bytes());
        let known = holder.credentials.to_vec();
        let (asked, state) =
            self.webauthn.start_passkey_registration(user, holder.label, holder.label, Some(known)).map_err(failed)?;
        let mut options = serde_json::to_value(asked).map_err(failed)?;
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut)
        {
            selection.insert("residentKey".to_owned(), json!("required"));
            selection.insert("requireResidentKey".to_owned(), json!(true));
        }
        Ok(Asked { options: options.to_string(), state: text(&state)? })
    }

    /// The passkey that was made, if the answer is one to `state`.
    pub fn read_new(&self, state: &str, answer: &Registration) -> Result<NewPasskey, Rejected> {
        let state: PasskeyRegistration = serde_json::from_str(state).map_err(|_| Rejected::Wrong)?;
        let raw = &answer.credential;
        if !answer.is_discoverable || !self.is_from_here(&raw.response.client_data_json) {
            return Err(Rejected::Wrong);
        }
        let passkey = self.webauthn.finish_passkey_registration(raw, &state).map_err(|_| Rejected::Wrong)?;
        let credential_id = passkey.cred_id().to_vec();
        let kept = serde_json::to_value(&passkey).map_err(|_| Rejected::Wrong)?;
        let storage = match kept.pointer("/cred/backup_eligible") {
            Some(&Value::Bool(true)) => Storage::Synced,
            Some(_) | None => Storage::OneDevice,
        };
        // What it calls itself and what it signed under are one.
        if credential_id.len() > MAX_CREDENTIAL_ID || raw.raw_id.as_slice() != credential_id.as_slice() {
            return Err(Rejected::Wrong);
        }
        Ok(NewPasskey { credential_id, credential: kept.to_string(), storage })
    }

    /// Asks for a passkey: any that the authenticator offers, or one of `credentials`.
    pub fn ask_for_one(&self, credentials: &[Vec<u8>]) -> Result<Asked, CeremonyFailed> {
        let (mut asked, state) = self.webauthn.start_discoverable_authentication().map_err(failed)?;
        // The person has pressed a button; nothing waits in a field.
        asked.mediation = None;
        let mut options = serde_json::to_value(asked).map_err(failed)?;
        if let Some(public_key) = options.pointer_mut("/publicKey").and_then(Value::as_object_mut) {
            let allowed: Vec<Value> =
                credentials.iter().map(|id| json!({ "type": "public-key", "id": spelled(id) })).collect();
            public_key.insert("allowCredentials".to_owned(), Value::Array(allowed));
        }
        Ok(Asked { options: options.to_string(), state: text(&state)? })
    }

    /// Checks an answer to `state` against the passkey that it names. Where the gateway knows none, `kept` is `None` and the
    /// answer is wrong, after as much work.
    pub fn check(&self, state: &str, answer: &Answer, kept: Option<&str>) -> Result<Used, Rejected> {
        let state: DiscoverableAuthentication = serde_json::from_str(state).map_err(|_| Rejected::Wrong)?;
        let passkey = match kept {
            Some(kept) => serde_json::from_str(kept),
            None => serde_json::from_value(answer.decoy()),
        };
        let mut passkey: Passkey = passkey.map_err(|_| Rejected::Wrong)?;
        if !self.is_from_here(&answer.0.response.client_data_json) {
            return Err(Rejected::Wrong);
        }
        let result = match self.webauthn.finish_discoverable_authentication_v2(&answer.0, state, &passkey) {
            Ok(result) if result.user_verified() && kept.is_some() => result,
            Err(WebauthnError::CredentialPossibleCompromise) if kept.is_some() => return Err(Rejected::CountedBack),
            Ok(_) | Err(_) => return Err(Rejected::Wrong),
        };
        passkey.update_credential(&result).ok_or(Rejected::Wrong)?;
        let credential = serde_json::to_string(&passkey).map_err(|_| Rejected::Wrong)?;
        let storage = if result.backup_eligible() { Storage::Synced } else { Storage::OneDevice };
        Ok(Used { credential, storage })
    }

    /// True when the browser says that it is on a page of this gateway, which no other page holds in a frame. The library
    /// compares the origin as a URL, and looks at frames only when a passkey is made.
    fn is_from_here(&self, client_data: &[u8]) -> bool {
        let Ok(said) = serde_json::from_slice::<Value>(client_data) else { return false };
        let is_framed = !matches!(said.get("crossOrigin"), None | Some(Value::Bool(false) | Value::Null));
        said.get("origin").and_then(Value::as_str) == Some(self.origin.as_str()) && !is_framed
    }
}

impl Answer {
    /// What a browser sent; `None` when it is no answer at all.
    pub fn parse(text: &str) -> Option<Self> {
        let answer: PublicKeyCredential = serde_json::from_str(text).ok()?;
        (answer.raw_id.len() <= MAX_CREDENTIAL_ID).then_some(Self(answer))
    }

    /// The authenticator's name for the passkey.
    pub fn credential_id(&self) -> &[u8] {
        self.0.get_credential_id()
    }

    /// Whose the authenticator says that it is, if it says so.
    pub fn user(&self) -> Option<Result<AccountId, Rejected>> {
        self.0.get_user_unique_id().map(|bytes| AccountId::from_bytes(bytes).map_err(|_| Rejected::Wrong))
    }

    /// A passkey of this name that is nobody's, to be compared with like one that is kept. Its key is the curve's base point, so it
    /// is no secret: whatever it verifies is refused, because nothing is kept of it.
    fn decoy(&self) -> Value {
        let flags = self.0.response.authenticator_data.get(FLAGS).copied().unwrap_or(0);
        json!({ "cred": {
            "cred_id": spelled(self.credential_id()),
            "cred": { "type_": "ES256", "key": { "EC_EC2": {
                "curve": "SECP256R1",
                "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
                "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
            } } },
            "counter": 0,
            "transports": null,
            "user_verified": true,
            "backup_eligible": flags & BACKUP_ELIGIBLE != 0,
            "backup_state": false,
            "registration_policy": "required",
            "extensions": {
                "cred_protect": "NotRequested", "hmac_create_secret": "NotRequested", "appid": "NotRequested",
                "cred_props": "Ignored",
            },
            "attestation": { "data": "None", "metadata": "None" },
            "attestation_format": "none",
        } })
    }
}

impl Registration {
    /// What a browser sent; `None` when it is no answer at all.
    pub fn parse(text: &str) -> Option<Self> {
        let credential = serde_json::from_str(text).ok()?;
        let said: Value = serde_json::from_str(text).ok()?;
        let is_discoverable = said.pointer("/extensions/credProps/rk") != Some(&Value::Bool(false));
        Some(Self { credential, is_discoverable })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(...)")
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registration(...)")
    }
}

impl fmt::Debug for Ceremonies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceremonies").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn spelled(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &impl Serialize) -> Result<String, CeremonyFailed> {
    serde_json::to_string(value).map_err(failed)
}

fn failed(error: impl fmt::Display) -> CeremonyFailed {
    CeremonyFailed(error.to_string())
}

#[cfg(test)]
impl Ceremonies {
    /// Where the library stops at an answer by a passkey that the gateway does not know.
    pub fn fails_at(&self, state: &str, answer: &Answer) -> String {
        let decoy: Passkey = serde_json::from_value(answer.decoy()).unwrap();
        let state = serde_json::from_str(state).unwrap();
        let failed = self.webauthn.finish_discoverable_authentication_v2(&answer.0, state, &decoy);
        format!("{:?}", failed.unwrap_err())
    }
}
