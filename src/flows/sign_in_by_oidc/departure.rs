//! What is kept of a departure to a provider, sealed, until its answer comes: who reads the database and takes a code off a
//! browser shall not be able to redeem it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::sealing::{Sealer, SealingError};
use crate::protocol::oidc::pkce::CodeVerifier;
use crate::values::ids::AttemptId;
use crate::values::secret::Secret;

/// What the answer is checked with.
pub(super) struct Kept {
    pub(super) nonce: Secret,
    pub(super) verifier: CodeVerifier,
}

/// The place that it is sealed for.
fn kept_place(attempt: AttemptId) -> String {
    format!("attempts.upstream/{attempt}")
}

/// Neither of the two has a space in it.
pub(super) fn seal(sealer: &Sealer, attempt: AttemptId, kept: &Kept) -> Result<String, SealingError> {
    let text = Secret::from(format!("{} {}", kept.nonce.expose(), kept.verifier.expose()));
    Ok(URL_SAFE_NO_PAD.encode(sealer.seal_secret(&text, &kept_place(attempt))?))
}

pub(super) fn open(sealer: &Sealer, attempt: AttemptId, sealed: &str) -> Result<Kept, SealingError> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealingError::Damaged)?;
    let text = sealer.open_secret(&sealed, &kept_place(attempt))?;
    let (nonce, verifier) = text.expose().split_once(' ').ok_or(SealingError::Damaged)?;
    let verifier = CodeVerifier::parse(verifier).map_err(|_| SealingError::Damaged)?;
    Ok(Kept { nonce: Secret::from(nonce.to_owned()), verifier })
}
