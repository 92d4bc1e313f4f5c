//! A person is told by mail what happened to their own account. The address is looked up now, so the queue never holds it: a
//! verified one, else one in a domain of the person's own organization, or the one that was theirs until it was changed.

use crate::access::own_password;
use crate::outbound::mail::{Letter, Mailer, SendFailure};
use crate::pages::mails::person_notice::PersonMail;
use crate::record::notice::PersonNotice;
use crate::store::accounts::AddressRow;
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx, accounts as account_rows, domains, former_addresses};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::AccountId;

/// Why the mail is not out.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// It was not accepted.
    #[error(transparent)]
    Send(#[from] SendFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes and sends the mail. Somebody who is gone meanwhile, or has no address that is known to be theirs, gets none.
pub async fn run(
    store: &Store,
    mailer: &Mailer,
    gateway: &str,
    account: AccountId,
    notice: PersonNotice,
    at: Timestamp,
) -> Result<(), TellError> {
    let Some(to) = store.read(move |tx| recipient(tx, account, notice)).await? else { return Ok(()) };
    let at = at.to_chrono().format("%-d %b %Y, %H:%M UTC").to_string();
    let (subject, what, advice) = words(notice);
    let mail = PersonMail { what, advice, at: &at, gateway };
    mailer.send(&Letter { to, subject: subject.to_owned(), text: mail.text() }).await?;
    if let PersonNotice::AddressChanged { former } = notice {
        store.write(move |tx| former_addresses::delete(tx, former)).await?;
    }
    Ok(())
}

fn recipient(tx: &mut Tx<'_>, account: AccountId, notice: PersonNotice) -> Result<Option<EmailAddress>, StoreError> {
    let text = match notice {
        PersonNotice::AddressChanged { former } => former_addresses::find(tx, former)?.map(|row| row.address),
        PersonNotice::PasswordAdded
        | PersonNotice::PasswordChanged
        | PersonNotice::SecondFactorAdded
        | PersonNotice::SecondFactorRemoved
        | PersonNotice::PasskeyAdded
        | PersonNotice::PasskeyRemoved
        | PersonNotice::PasskeyCopied
        | PersonNotice::RecoveryCodesMade
        | PersonNotice::RecoveryCodeUsed
        | PersonNotice::WrongCodes
        | PersonNotice::IdentityLinked
        | PersonNotice::UnknownDevice => {
            // An account that is closed has none any more.
            let rows = account_rows::addresses(tx, account)?;
            match rows.iter().find(|row| row.verified_at.is_some()) {
                Some(verified) => Some(verified.address.clone()),
                None => vouched_for(tx, account, &rows)?,
            }
        }
    };
    text.map(|text| text.parse().map_err(|_| StoreError::Inconsistent("addresses.address"))).transpose()
}

/// An address that nobody has confirmed, but in a domain that the account's own organization has verified. Any other may have
/// been written by whoever provisions that organization, and lead to somebody else's mailbox.
fn vouched_for(tx: &mut Tx<'_>, account: AccountId, rows: &[AddressRow]) -> Result<Option<String>, StoreError> {
    let Some(home) = own_password::home_organization(tx, account)? else { return Ok(None) };
    for row in rows {
        let address: EmailAddress = row.address.parse().map_err(|_| StoreError::Inconsistent("addresses.address"))?;
        if domains::is_owner(tx, home, address.domain().as_str(), Owned::Trusted)? {
            return Ok(Some(row.address.clone()));
        }
    }
    Ok(None)
}

/// A subject, what happened, and what to do if it was somebody else.
type Words = (&'static str, &'static str, &'static str);

const IDENTITY_LINKED: Words = (
    "Your account has a new way of signing in",
    "A sign-in of your organization was linked to your account. Whoever is signed in there as you gets into your \
     account from now on.",
    "If that was not you, ask your organization at once: it alone can take that way of signing in away again. If you \
     have a password of your own, choose another one as well.",
);
const PASSKEY_ADDED: Words = (
    "Your account has a new passkey",
    "A passkey was added to your account. You can sign in with it from now on, without your password. Everything else \
     that was signed in has been signed out.",
    "If that was not you, choose another password now, by \"Forgot your password?\": the passkey does not let anybody in \
     alone any more then. Remove it on your account's page.",
);
const PASSKEY_REMOVED: Words = (
    "A passkey of your account was removed",
    "A passkey was removed from your account. It does not sign anybody in any more. Everything else that was signed in \
     has been signed out.",
    "If that was not you, choose another password now, and look at your passkeys on your account's page.",
);
const PASSKEY_COPIED: Words = (
    "One of your passkeys may have been copied",
    "A passkey of your account was used in a way that only a copy of it, or a device that was set back, would be. It was \
     not let in.",
    "If you did not just try to sign in, or it happens again, remove the passkey on your account's page and add another \
     one.",
);

const fn words(notice: PersonNotice) -> Words {
    match notice {
        PersonNotice::PasswordAdded => (
            "Your account has a password now",
            "A password was chosen for your account. You can sign in with it from now on.",
            "If that was not you, choose another password now: open an app, type your address, and follow \
             \"Forgot your password?\". Then look at who can read your mail.",
        ),
        PersonNotice::PasswordChanged => (
            "Your password was changed",
            "The password of your account was changed. Everything that was signed in with it has been signed out.",
            "If that was not you, choose another password now: open an app, type your address, and follow \
             \"Forgot your password?\". Then look at who can read your mail.",
        ),
        PersonNotice::SecondFactorAdded => (
            "Your account asks for a second step now",
            "An authenticator app was added to your account. Whoever signs in with your password is asked for a code of it \
             from now on. Everything else that was signed in has been signed out.",
            "If that was not you, somebody knows your password: choose another one now, by \"Forgot your password?\", and \
             ask your organization to remove the second step.",
        ),
        PersonNotice::SecondFactorRemoved => (
            "A second step of your account was removed",
            "The authenticator app was removed from your account, or your organization removed every second step. Unless you \
             have a passkey left, your recovery codes are gone as well, and your password alone is enough to sign in, if your \
             organization does not ask for more.",
            "If that was not you, choose another password now, and set the second step up again on your account's page.",
        ),
        PersonNotice::PasskeyAdded => PASSKEY_ADDED,
        PersonNotice::PasskeyRemoved => PASSKEY_REMOVED,
        PersonNotice::PasskeyCopied => PASSKEY_COPIED,
        PersonNotice::RecoveryCodesMade => (
            "Your account has new recovery codes",
            "New recovery codes were made for your account. Those before do not work any more.",
            "If that was not you, choose another password now, and make new recovery codes on your account's page.",
        ),
        PersonNotice::RecoveryCodeUsed => (
            "A recovery code of your account was used",
            "Somebody proved to be you by one of your recovery codes. It does not work a second time.",
            "If that was not you, choose another password now, and make new recovery codes on your account's page.",
        ),
        PersonNotice::WrongCodes => (
            "Somebody typed your password and then wrong codes",
            "Somebody typed the right password of your account, but no right code of your authenticator app. They were not \
             let in.",
            "If that was not you, somebody knows your password: choose another one now, by \"Forgot your password?\".",
        ),
        PersonNotice::IdentityLinked => IDENTITY_LINKED,
        PersonNotice::UnknownDevice => (
            "Somebody signed in to your account in a new browser",
            "Your account was used in a browser, or on a device, where it had not been used before.",
            "If that was not you, change your password, or ask your organization for help if it signs you in. \
             Sign out everywhere under \"Sessions\" on your account's page.",
        ),
        PersonNotice::AddressChanged { .. } => (
            "The address of your account was changed",
            "Your account has another e-mail address now. This is the last mail about it that comes here.",
            "If you did not expect that, ask your organization.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{recipient, run, words};
    use crate::access::testing::world;
    use crate::directory::accounts as directory;
    use crate::directory::profile::Profile;
    use crate::outbound::mail::{Mailer, Settings, Transport};
    use crate::record::jobs::Job;
    use crate::record::notice::PersonNotice;
    use crate::store::accounts::{self, AddressRow};
    use crate::store::failure::StoreError;
    use crate::store::{former_addresses, jobs};

    #[tokio::test]
    async fn a_verified_address_is_told_before_one_that_a_directory_wrote() {
        for world in world().await {
            let (op, ada) = (world.op(), world.ada);
            let told = world.store().write(move |tx| {
                let address = "ada@home.test".to_owned();
                let row = AddressRow { account_id: ada, address, is_primary: false, verified_at: Some(op.at) };
                let before = recipient(tx, ada, PersonNotice::UnknownDevice)?;
                accounts::insert_address(tx, &row)?;
                Ok::<_, StoreError>((before, recipient(tx, ada, PersonNotice::UnknownDevice)?))
            });
            let (before, after) = told.await.unwrap();
            assert_eq!(before.unwrap().as_str(), "ada@acme.test", "{}", world.engine());
            assert_eq!(after.unwrap().as_str(), "ada@home.test", "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn an_address_that_only_a_directory_wrote_down_is_told_nothing() {
        for world in world().await {
            let (op, organization, ada) = (world.op(), world.organization, world.ada);
            let told = world.store().write(move |tx| {
                let profile = Profile { addresses: vec!["stranger@free.test".parse().unwrap()], ..Profile::default() };
                directory::update_profile(tx, &op, organization, ada, &profile).unwrap();
                recipient(tx, ada, PersonNotice::UnknownDevice)
            });
            assert_eq!(told.await.unwrap(), None, "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn an_address_that_a_directory_wrote_down_is_told_nothing_once_its_domain_has_lapsed() {
        for world in world().await {
            world.lapse().await;
            let ada = world.ada;
            let told = world.store().read(move |tx| recipient(tx, ada, PersonNotice::UnknownDevice)).await;
            assert_eq!(told.unwrap(), None, "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn a_changed_address_is_told_at_the_one_before_if_it_was_verified() {
        for world in world().await {
            let (op, ada, organization) = (world.op(), world.ada, world.organization);
            let told = world.store().write(move |tx| {
                let mut told = Vec::new();
                for (address, is_verified) in
                    [("ada@one.test", false), ("ada@two.test", true), ("ada@three.test", false)]
                {
                    let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
                    directory::update_profile(tx, &op, organization, ada, &profile).unwrap();
                    if is_verified {
                        accounts::mark_verified(tx, ada, address, op.at)?;
                    }
                    for row in jobs::claim(tx, jobs::Kinds::Except(&[]), op.at, op.at.plus_seconds(60), 100)? {
                        if let Job::TellPerson { notice, .. } = serde_json::from_str(&row.payload).unwrap() {
                            told.push((address, recipient(tx, ada, notice)?.unwrap().to_string()));
                        }
                        assert!(!row.payload.contains(".test"), "the queue holds no address: {}", row.payload);
                    }
                }
                Ok::<_, StoreError>(told)
            });
            assert_eq!(told.await.unwrap(), [("ada@three.test", "ada@two.test".to_owned())], "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn whoever_is_gone_is_told_nothing() {
        for world in world().await {
            let (op, organization, ada) = (world.op(), world.organization, world.ada);
            let told = world.store().write(move |tx| {
                directory::end_membership(tx, &op, organization, ada).unwrap();
                Ok::<_, StoreError>([
                    recipient(tx, ada, PersonNotice::UnknownDevice)?,
                    recipient(tx, op.new_id(), PersonNotice::UnknownDevice)?,
                ])
            });
            assert_eq!(told.await.unwrap(), [None, None], "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn an_address_that_is_nobodys_any_more_is_kept_until_it_was_told() {
        for world in world().await {
            let (op, ada, organization) = (world.op(), world.ada, world.organization);
            let changed = world.store().write(move |tx| {
                accounts::mark_verified(tx, ada, "ada@acme.test", op.at)?;
                let profile = Profile { addresses: vec!["ada@one.test".parse().unwrap()], ..Profile::default() };
                directory::update_profile(tx, &op, organization, ada, &profile).unwrap();
                let rows = jobs::claim(tx, jobs::Kinds::Except(&[]), op.at, op.at.plus_seconds(60), 100)?;
                let jobs = rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap());
                Ok::<_, StoreError>(
                    jobs.filter_map(|job| match job {
                        Job::TellPerson { notice: notice @ PersonNotice::AddressChanged { former }, .. } => {
                            Some((notice, former))
                        }
                        _ => None,
                    })
                    .collect::<Vec<_>>(),
                )
            });
            let [(notice, former)] = changed.await.unwrap()[..] else { panic!("not one notice") };
            let letters = tempfile::tempdir().unwrap();
            let transport = Transport::Directory(letters.path().to_str().unwrap().to_owned());
            let mailer = Mailer::new(&Settings { transport, from: "gateway@causeway.test".parse().unwrap() }).unwrap();
            let is_kept =
                async || world.store().read(move |tx| former_addresses::find(tx, former)).await.unwrap().is_some();
            assert!(is_kept().await, "{}", world.engine());
            run(world.store(), &mailer, "https://id.test", ada, notice, world.op().at).await.unwrap();
            assert_eq!(std::fs::read_dir(letters.path()).unwrap().count(), 1);
            assert!(!is_kept().await, "{}", world.engine());
        }
    }

    #[test]
    fn every_notice_says_what_to_do() {
        for notice in [
            PersonNotice::PasswordAdded,
            PersonNotice::PasswordChanged,
            PersonNotice::SecondFactorAdded,
            PersonNotice::SecondFactorRemoved,
            PersonNotice::RecoveryCodesMade,
            PersonNotice::RecoveryCodeUsed,
            PersonNotice::WrongCodes,
            PersonNotice::IdentityLinked,
            PersonNotice::UnknownDevice,
        ] {
            let (subject, what, advice) = words(notice);
            assert!(!subject.is_empty() && !what.is_empty() && advice.contains("If that was not you"), "{notice:?}");
        }
    }
}
