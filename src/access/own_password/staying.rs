//! Whether what somebody opened by credentials of their own goes on (decision 0032): on the ground on which they could open it now
//! ([`super::ground`]), so under every domain in which they have an address. A use of a session or of a grant finds out with its own
//! query whether any of those domains asks for single sign-on at all; only then is this asked.

use super::ground::{self, Ground};
use crate::access::enforcement::local::{self, LocalCredentials};
use crate::directory::accounts;
use crate::protocol::oidc::acr::SEVERAL_FACTORS_AMR;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::AccountId;

/// True when it goes on: nobody asks them for single sign-on, or they may break the glass (Q18), still have what that takes, and
/// have shown a second factor.
pub fn goes_on(ground: Ground, local: LocalCredentials, amr: &[String]) -> bool {
    match ground {
        Ground::Open => true,
        Ground::Listed { .. } => {
            local.has_password && local.has_mfa && amr.iter().any(|method| method == SEVERAL_FACTORS_AMR)
        }
        Ground::SingleSignOn { .. } | Ground::Inactive => false,
    }
}

/// As [`goes_on`], of an account that proved itself by these methods.
pub fn may_stay(tx: &mut Tx<'_>, account: AccountId, amr: &[String]) -> Result<bool, StoreError> {
    let Some(found) = accounts::find(tx, account)? else { return Ok(false) };
    let ground = ground::find(tx, &found)?;
    Ok(goes_on(ground, local::of(tx, account)?, amr))
}

#[cfg(test)]
mod tests {
    use super::{Ground, LocalCredentials, goes_on};
    use crate::values::ids::OrganizationId;

    /// What somebody could not open any more ends, and nothing else does: the way of whoever is not asked stays theirs.
    #[test]
    fn e27_q18_what_own_credentials_opened_ends_where_single_sign_on_is_asked_but_for_break_glass() {
        let shown = ["pwd", "otp", "mfa"].map(str::to_owned);
        let asked_by = OrganizationId::from_bytes(&[2; 16]).unwrap();
        let local = |has_password, has_mfa| LocalCredentials { has_password, has_mfa };
        for (what, ground, local, without_factor, with_factor) in [
            ("nobody asks", Ground::Open, local(true, false), true, true),
            ("nobody asks, and the password has gone", Ground::Open, local(false, false), true, true),
            ("E27: asked", Ground::SingleSignOn { asked_by }, local(true, true), false, false),
            ("Q18: break-glass", Ground::Listed { asked_by }, local(true, true), false, true),
            (
                "Q18: break-glass that has lost the factor",
                Ground::Listed { asked_by },
                local(true, false),
                false,
                false,
            ),
            ("Q18: break-glass without a password", Ground::Listed { asked_by }, local(false, true), false, false),
            ("inactive", Ground::Inactive, local(true, true), false, false),
        ] {
            let kept = [&shown[..1], &shown[..]].map(|amr| goes_on(ground, local, amr));
            assert_eq!(kept, [without_factor, with_factor], "{what}");
        }
    }
}
