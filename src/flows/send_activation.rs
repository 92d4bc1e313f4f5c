//! A person is asked by mail to confirm their mailbox (rule E30). The link is made when the mail is, so the queue never
//! holds a token; a mail that did not leave is made anew, with another link.

use crate::directory::activation::letter::{self, Written};
use crate::outbound::mail::{Letter, Mailer, SendFailure};
use crate::pages::mails::activation::ActivationMail;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::clock::Timestamp;
use crate::values::ids::{ActivationId, OrganizationId};
use crate::values::operation::Operation;

/// Why the mail is not out.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It was not accepted.
    #[error(transparent)]
    Send(#[from] SendFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether there is something left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The mail is out, or there is none to send.
    Over,
    /// The organization has had its mails of this hour; the next one may go out then.
    Later(Timestamp),
}

/// Writes and sends the mail. An activation that was followed, taken back or has expired needs none.
pub async fn run(
    store: &Store,
    mailer: &Mailer,
    gateway: &str,
    op: &Operation,
    organization: OrganizationId,
    (activation, most_per_hour): (ActivationId, u32),
) -> Result<Sent, SendError> {
    let op = op.clone();
    let write = move |tx: &mut Tx<'_>| letter::write(tx, &op, organization, activation, most_per_hour);
    let letter = match store.write(write).await? {
        Written::Letter(letter) => letter,
        Written::Later(at) => return Ok(Sent::Later(at)),
        Written::Nothing => return Ok(Sent::Over),
    };
    let mail = ActivationMail {
        organization: &letter.organization.name,
        address: letter.address.as_str(),
        link: &format!("{gateway}/activation?token={}", letter.token.expose()),
        until: &letter.expires_at.to_chrono().format("%-d %b %Y").to_string(),
        support: &format!("{}, {}", letter.organization.support_name, letter.organization.support_email),
        gateway,
    };
    mailer.send(&Letter { to: letter.address.clone(), subject: mail.subject(), text: mail.text() }).await?;
    Ok(Sent::Over)
}
