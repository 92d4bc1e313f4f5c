//! A person confirms an address of theirs by a link that only its mailbox got, in a browser in which they are signed in. The
//! mailbox alone would not do: whoever writes somebody else's address into an account could have them confirm it.

use super::mail_proofs::{self, ProofError, Purpose};
use super::own_password::home_organization;
use super::sessions::Session;
use super::sessions::reach::{self, ReachError};
use crate::directory::accounts::mailbox::{self, MailboxError};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::operation::{Actor, Operation};

/// Why an address is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The link does not work, or no longer.
    #[error("the link does not work, or no longer")]
    Dead,
    /// It is about another account than the one that is signed in.
    #[error("the link is about another account")]
    OtherAccount,
    /// The address is confirmed for somebody else, or belongs to the people of another organization.
    #[error("the address is in use elsewhere")]
    Taken,
    /// The session does not reach the account.
    #[error("the session does not reach the account")]
    OutOfReach,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReachError> for ConfirmError {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::OutOfReach => Self::OutOfReach,
            ReachError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ProofError> for ConfirmError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Dead => Self::Dead,
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl From<MailboxError> for ConfirmError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::NotTheirs => Self::Dead,
            MailboxError::Taken => Self::Taken,
            MailboxError::Store(error) => Self::Store(error),
        }
    }
}

/// Asks for the mail with which the person of `session` can confirm an address of theirs.
pub fn ask(tx: &mut Tx<'_>, op: &Operation, session: &Session, address: &EmailAddress) -> Result<(), ReachError> {
    reach::require_account(tx, session)?;
    Ok(mail_proofs::ask_for_address(tx, op, session.account, address)?)
}

/// Uses the link up and marks the address as verified, for the person of `session`. On an error the caller rolls the transaction
/// back.
pub fn confirm(tx: &mut Tx<'_>, op: &Operation, session: &Session, token: &str) -> Result<EmailAddress, ConfirmError> {
    reach::require_account(tx, session)?;
    let opened = mail_proofs::consume(tx, op, Purpose::Address, token)?;
    let (account, address) = (opened.account, opened.address);
    if account != session.account {
        return Err(ConfirmError::OtherAccount);
    }
    let home = home_organization(tx, account)?;
    mailbox::verify(tx, &op.by(Actor::Person { account }), account, &address, home)?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::{ConfirmError, ask, confirm};
    use crate::access::mail_proofs;
    use crate::access::sessions;
    use crate::access::sessions::reach::ReachError;
    use crate::access::sessions::testing::{LIMITS, guest_of_globex};
    use crate::access::testing::{by_password, only_letter, world};
    use crate::store::failure::StoreError;
    use crate::values::email::EmailAddress;

    #[tokio::test]
    async fn d7_a_guest_neither_asks_for_the_link_nor_confirms_by_it() {
        for world in world().await {
            let guest = guest_of_globex(&world, world.visitor().await).await;
            let (op, account, organization) = (world.op(), guest.account, world.organization);
            let write = world.store().write(move |tx| {
                let address: EmailAddress = "cem@elsewhere.test".parse().unwrap();
                let asked = ask(tx, &op, &guest.session, &address);
                mail_proofs::ask_for_address(tx, &op, account, &address)?;
                let token = only_letter(tx, &op).unwrap().token;
                let by_guest = confirm(tx, &op, &guest.session, token.expose());
                let identified = by_password(tx, &op, organization, account)?;
                let own = sessions::start(tx, &op, &identified, LIMITS)?.0;
                Ok::<_, StoreError>((asked, by_guest, confirm(tx, &op, &own, token.expose())))
            });
            let (asked, by_guest, by_person) = write.await.unwrap();
            assert!(matches!(asked, Err(ReachError::OutOfReach)), "{}: {asked:?}", world.engine());
            assert!(matches!(by_guest, Err(ConfirmError::OutOfReach)), "{}: {by_guest:?}", world.engine());
            assert!(by_person.is_ok(), "{}: {by_person:?}", world.engine());
        }
    }
}
