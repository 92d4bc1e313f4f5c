//! Which application asks at the token and revocation endpoints, and whether it proved it.

use crate::directory::applications::{self, Application, ApplicationKind};
use crate::protocol::oidc::client_authentication::{ClientCredentials, Proof};
use crate::store::Tx;
use crate::store::failure::StoreError;

/// The application that presented `credentials`. `None` for an unknown client, a wrong or missing secret, and a secret
/// from an application that has none: one answer for all of them. A confidential application always needs its secret.
pub fn authenticate(tx: &mut Tx<'_>, credentials: &ClientCredentials) -> Result<Option<Application>, StoreError> {
    let Ok(id) = credentials.client_id.parse() else { return Ok(None) };
    let Some(application) = applications::find(tx, id)? else { return Ok(None) };
    let is_proved = match (application.kind, &credentials.proof) {
        (ApplicationKind::Confidential, Proof::Secret(secret)) => application.is_secret(secret.expose()),
        (ApplicationKind::Public, Proof::None) => true,
        (_, Proof::Assertion(_))
        | (ApplicationKind::Confidential, Proof::None)
        | (ApplicationKind::Public, Proof::Secret(_)) => false,
    };
    Ok(is_proved.then_some(application))
}
