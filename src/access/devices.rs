//! Browsers in which a person has signed in before, known by a durable cookie of which the store keeps a hash. A browser
//! that is known is not held up by what others try with the same address, and the first sign-in in another one is told to
//! the person. The cookie opens nothing.

use crate::record::jobs::{self, Job};
use crate::record::notice::PersonNotice;
use crate::store::Tx;
use crate::store::devices::{self as rows, DeviceRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// How long a browser stays known after its last sign-in.
pub const KEPT_SECONDS: i64 = 400 * 24 * 3600;
/// So many browsers of an account are known; past that the one that was used least lately is forgotten.
const MOST_KEPT: i64 = 50;
/// So many new browsers are told of within an hour: who can sign in again and again, always in a browser that looks new,
/// does not fill a mailbox with it.
const TOLD_AN_HOUR: i64 = 3;

/// Notes that a person has signed in in the browser that shows `device`, and answers what the browser is to keep. The person
/// is told when they have signed in elsewhere before, and never here.
pub fn note(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    device: Option<&Secret>,
) -> Result<Secret, StoreError> {
    let expires_at = op.at.plus_seconds(KEPT_SECONDS);
    let token = match device {
        Some(token) => token.clone(),
        None => new_token("cw_device_", &op.entropy),
    };
    let hash = TokenHash::of(token.expose());
    if rows::touch(tx, account, &hash, op.at, expires_at)? {
        return Ok(token);
    }
    let is_first = rows::count(tx, account, op.at)? == 0;
    let new_lately = rows::count_first_seen_since(tx, account, op.at.plus_seconds(-3_600))?;
    let token_hash = hash.as_bytes().to_vec();
    rows::forget(tx, account, &hash)?;
    let row = DeviceRow { account_id: account, token_hash, first_seen_at: op.at, last_seen_at: op.at, expires_at };
    rows::insert(tx, &row)?;
    rows::keep_latest(tx, account, MOST_KEPT)?;
    if !is_first && new_lately < TOLD_AN_HOUR {
        jobs::enqueue(tx, op, &Job::TellPerson { account, notice: PersonNotice::UnknownDevice, at: op.at }, op.at)?;
    }
    Ok(token)
}

/// True when this browser is known as the person's.
pub fn is_known(tx: &mut Tx<'_>, account: AccountId, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
    rows::is_known(tx, account, token, now)
}

#[cfg(test)]
mod tests {
    use super::note;
    use crate::access::testing::{World, world};
    use crate::store::failure::StoreError;
    use crate::store::{devices as rows, jobs};
    use crate::values::secret::{Secret, TokenHash};

    async fn signs_in(world: &World, device: Option<Secret>) -> Secret {
        let (op, ada) = (world.op(), world.ada);
        world.store().write(move |tx| note(tx, &op, ada, device.as_ref())).await.unwrap()
    }

    async fn told(world: &World) -> usize {
        world.store().read(|tx| jobs::payloads(tx, "tell_person")).await.unwrap().len()
    }

    #[tokio::test]
    async fn whoever_signs_in_again_and_again_in_new_browsers_does_not_fill_the_mailbox() {
        for world in world().await {
            let first = signs_in(&world, None).await;
            for _ in 0..20 {
                signs_in(&world, None).await;
            }
            assert_eq!(told(&world).await, 2, "three new browsers an hour, the first of all among them");
            world.advance(3_601);
            signs_in(&world, Some(first)).await;
            assert_eq!(told(&world).await, 2, "a browser that is known");
            signs_in(&world, None).await;
            assert_eq!(told(&world).await, 3, "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn a_browser_that_was_known_too_long_ago_becomes_known_anew() {
        for world in world().await {
            let token = signs_in(&world, None).await;
            world.advance(super::KEPT_SECONDS + 1);
            signs_in(&world, Some(token.clone())).await;
            let (op, ada) = (world.op(), world.ada);
            let hash = TokenHash::of(token.expose());
            let known = world.store().read(move |tx| rows::is_known(tx, ada, &hash, op.at));
            assert!(known.await.unwrap(), "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn fifty_browsers_are_known_and_the_one_used_least_lately_is_forgotten() {
        for world in world().await {
            let (kept, forgotten) = (signs_in(&world, None).await, signs_in(&world, None).await);
            for _ in 0..49 {
                world.advance(1);
                signs_in(&world, Some(kept.clone())).await;
                signs_in(&world, None).await;
            }
            let (op, ada) = (world.op(), world.ada);
            let known = world.store().read(move |tx| {
                let is_known =
                    |tx: &mut _, token: &Secret| rows::is_known(tx, ada, &TokenHash::of(token.expose()), op.at);
                Ok::<_, StoreError>((rows::count(tx, ada, op.at)?, is_known(tx, &kept)?, is_known(tx, &forgotten)?))
            });
            assert_eq!(known.await.unwrap(), (50, true, false), "{}", world.engine());
        }
    }
}
