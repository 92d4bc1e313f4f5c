//! Passwords of people at this gateway: how one is hashed and compared, and where the hash is kept.
//!
//! argon2id, with its parameters beside the hash, so that the configured cost can change. Nothing is put together with
//! the password before it is hashed, and nothing is cut off. The hash is sealed under the gateway's key and bound to its
//! account: who reads the database has nothing to guess at, and a hash cannot be moved to another account. Hashing takes
//! long on purpose; callers run it where it holds nobody up (`flows::passwords`).

pub mod breached;

use argon2::password_hash::{PasswordHash as Phc, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::keys::sealing::{Sealer, SealingError};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::passwords::{self as rows, PasswordRow};
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::secret::Secret;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes. More than one helps only who computes them at once.
    pub lanes: u32,
}

/// A hash with its salt and its cost, in the PHC string format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

/// The cost is one that argon2 does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password cannot be hashed at this cost")]
pub struct HashingFailed;

/// Why a kept hash cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeepingError {
    /// It cannot be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A person's password as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its hash.
    pub hash: PasswordHash,
    /// When it was set.
    pub set_at: Timestamp,
}

impl PasswordHash {
    /// Hashes `password`. `salt` is fresh random bytes.
    pub fn of(password: &Password, salt: [u8; 16], cost: Cost) -> Result<Self, HashingFailed> {
        let salt = SaltString::encode_b64(&salt).map_err(|_| HashingFailed)?;
        let hash = hasher(cost)?.hash_password(password.expose().as_bytes(), &salt).map_err(|_| HashingFailed)?;
        Ok(Self(Secret::from(hash.to_string())))
    }

    /// True when it is the hash of `password`. Takes as long as hashing does, whatever the outcome.
    pub fn is_of(&self, password: &Password) -> bool {
        let Ok(kept) = Phc::new(self.0.expose()) else { return false };
        Argon2::default().verify_password(password.expose().as_bytes(), &kept).is_ok()
    }

    /// True when it was made at `cost`.
    pub fn has_cost(&self, cost: Cost) -> bool {
        let params = Phc::new(self.0.expose()).ok().and_then(|kept| Params::try_from(&kept).ok());
        params.is_some_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (cost.memory_kib, cost.passes, cost.lanes)
        })
    }
}

fn hasher(cost: Cost) -> Result<Argon2<'static>, HashingFailed> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(|_| HashingFailed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The place that the hash of an account is sealed for.
pub fn place(account: AccountId) -> String {
    format!("passwords.sealed_hash/{account}")
}

/// The password of an account, if it has one.
pub fn find(tx: &mut Tx<'_>, sealer: &Sealer, account: AccountId) -> Result<Option<Kept>, KeepingError> {
    let Some(row) = rows::find(tx, account)? else { return Ok(None) };
    let hash = PasswordHash(sealer.open_secret(&row.sealed_hash, &place(account))?);
    Ok(Some(Kept { hash, set_at: row.set_at }))
}

/// Gives an account this password; the one before is gone.
pub fn set(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    account: AccountId,
    hash: &PasswordHash,
) -> Result<(), KeepingError> {
    let sealed_hash = sealer.seal_secret(&hash.0, &place(account))?;
    Ok(rows::put(tx, &PasswordRow { account_id: account, sealed_hash, set_at: op.at })?)
}

/// Keeps the same password under another hash, if nobody has changed it meanwhile.
pub fn rehash(
    tx: &mut Tx<'_>,
    sealer: &Sealer,
    account: AccountId,
    kept: &Kept,
    hash: &PasswordHash,
) -> Result<(), KeepingError> {
    let sealed_hash = sealer.seal_secret(&hash.0, &place(account))?;
    Ok(rows::replace(tx, &PasswordRow { account_id: account, sealed_hash, set_at: kept.set_at })?)
}

#[cfg(test)]
mod tests {
    use super::{Cost, PasswordHash};
    use crate::access::testing::world;
    use crate::keys::sealing::Sealer;
    use crate::store::passwords as rows;
    use crate::values::password::Password;
    use crate::values::secret::Secret;

    const COST: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn hash(text: &str) -> PasswordHash {
        PasswordHash::of(&Password::typed(text), [7; 16], COST).unwrap()
    }

    /// Okta, 2024: what stands behind the 72nd byte must count, and so must every byte before it.
    #[test]
    fn every_character_of_a_long_password_counts() {
        let long = "\u{e9}".repeat(255);
        let kept = hash(&format!("{long}a"));
        assert!(kept.is_of(&Password::typed(&format!("{long}a"))));
        for other in [format!("{long}b"), long.clone(), format!("{long}aa"), format!("x{long}a"), String::new()] {
            assert!(!kept.is_of(&Password::typed(&other)), "{} characters", other.chars().count());
        }
    }

    #[test]
    fn a_hash_tells_what_it_cost_and_is_not_printed() {
        let kept = hash("correct horse");
        assert!(kept.has_cost(COST) && !kept.has_cost(Cost { passes: 2, ..COST }));
        assert!(kept.0.expose().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", kept.0.expose());
        assert!(!format!("{kept:?}").contains("argon2id"));
    }

    #[test]
    fn two_salts_give_two_hashes() {
        let other = PasswordHash::of(&Password::typed("correct horse"), [8; 16], COST).unwrap();
        assert_ne!(hash("correct horse"), other);
        assert!(other.is_of(&Password::typed("correct horse")));
    }

    #[tokio::test]
    async fn a_hash_is_kept_sealed_and_for_its_account_only() {
        for world in world().await {
            let sealer =
                Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap();
            let (op, ada) = (world.op(), world.ada);
            let check = world.store().write(move |tx| {
                super::set(tx, &op, &sealer, ada, &hash("correct horse"))?;
                let kept = super::find(tx, &sealer, ada)?.unwrap();
                assert!(kept.hash.is_of(&Password::typed("correct horse")));
                super::rehash(tx, &sealer, ada, &kept, &hash("another"))?;
                assert!(super::find(tx, &sealer, ada)?.unwrap().hash.is_of(&Password::typed("another")));
                super::set(tx, &op, &sealer, ada, &hash("third"))?;
                let row = rows::find(tx, ada)?.unwrap();
                assert!(!row.sealed_hash.windows(8).any(|window| window == b"argon2id"));
                Ok::<_, super::KeepingError>(sealer.open(&row.sealed_hash, "passwords.sealed_hash/another").is_err())
            });
            assert!(check.await.unwrap(), "{}", world.engine());
        }
    }
}
