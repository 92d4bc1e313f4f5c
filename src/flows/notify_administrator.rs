//! One administrator is told by mail about an event of their organization. The address is looked up now, so the queue
//! never holds it.

use crate::directory::accounts;
use crate::directory::organizations;
use crate::outbound::mail::{Letter, Mailer, SendFailure};
use crate::pages::mails::administrator_notice::AdministratorNotice;
use crate::record::event::Event;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId};

/// Why the mail is not out.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// It was not accepted.
    #[error(transparent)]
    Send(#[from] SendFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes and sends the mail. An administrator without an address, or gone meanwhile, needs none.
pub async fn run(
    store: &Store,
    mailer: &Mailer,
    gateway: &str,
    organization: OrganizationId,
    account: AccountId,
    event: &Event,
    at: Timestamp,
) -> Result<(), NotifyError> {
    let found = store
        .read(move |tx| Ok::<_, StoreError>((organizations::find(tx, organization)?, accounts::find(tx, account)?)))
        .await?;
    let (Some(organization), Some(account)) = found else { return Ok(()) };
    let Some(address) = account.profile.primary_address() else { return Ok(()) };
    let notice = AdministratorNotice {
        organization: &organization.name,
        what: &sentence(event),
        at: &at.to_rfc3339(),
        support: &format!("{}, {}", organization.support_name, organization.support_email),
        gateway,
    };
    let letter = Letter { to: address.clone(), subject: notice.subject(), text: notice.text() };
    Ok(mailer.send(&letter).await?)
}

fn sentence(event: &Event) -> String {
    match event {
        Event::DomainVerified { domain } => {
            format!(
                "The domain {domain} was verified. People with addresses in it can now sign in through your connections."
            )
        }
        Event::ConnectionCreated { name, .. } => {
            format!("A new connection to an identity provider, \"{name}\", was added. It decides who can sign in.")
        }
        Event::ConnectionChanged { name, .. } => {
            format!("The connection \"{name}\" was changed, enabled, disabled or deleted.")
        }
        Event::ScimClientCreated { name, .. } => {
            format!("A new SCIM client, \"{name}\", was added. It can create, change and remove your users and groups.")
        }
    }
}
