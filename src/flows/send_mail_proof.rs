//! A person shows by mail that a mailbox is theirs. The account is looked for and the link made when the mail is, so the queue
//! never holds either; a mail that did not leave is made anew, with another link. An address that is nobody's gets no mail.

use crate::access::mail_proofs::{self, Purpose};
use crate::outbound::mail::{Letter, Mailer, SendFailure};
use crate::pages::mails::mail_proof::{AddressMail, PasswordMail};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::ids::MailProofId;
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

/// Writes and sends the mail, if there is somebody to send it to.
pub async fn run(
    store: &Store,
    mailer: &Mailer,
    gateway: &str,
    op: &Operation,
    proof: MailProofId,
) -> Result<(), SendError> {
    let op = op.clone();
    let Some(letter) = store.write(move |tx| mail_proofs::write(tx, &op, proof)).await? else { return Ok(()) };
    let token = letter.token.expose();
    let (subject, text) = match letter.purpose {
        Purpose::Password => {
            let mail = PasswordMail { link: &format!("{gateway}/password/choose?token={token}"), gateway };
            (mail.subject(), mail.text())
        }
        Purpose::Address => {
            let link = &format!("{gateway}/account/address?token={token}");
            let mail = AddressMail { address: letter.address.as_str(), link, gateway };
            (mail.subject(), mail.text())
        }
    };
    Ok(mailer.send(&Letter { to: letter.address, subject, text }).await?)
}
