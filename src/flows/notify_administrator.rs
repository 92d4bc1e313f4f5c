//! One administrator is told by mail about an event of their organization. The address is looked up now, so the queue
//! never holds it.

use crate::directory::accounts;
use crate::directory::domains::proof::LABEL;
use crate::directory::organizations::{self, Organization};
use crate::outbound::mail::{Letter, Mailer, SendFailure};
use crate::pages::mails::administrator_notice::AdministratorNotice;
use crate::pages::mails::certificate_notice::CertificateNotice;
use crate::pages::mails::expiry_notice::ExpiryNotice;
use crate::record::event::Event;
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx, domains, memberships};
use crate::values::clock::Timestamp;
use crate::values::domain_name::DomainName;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId, ResourceId};

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

/// Writes and sends the mail. An administrator without an address that can be trusted, or gone meanwhile, gets none;
/// when nobody has one, the organization's support address gets it, once.
pub async fn run(
    store: &Store,
    mailer: &Mailer,
    gateway: &str,
    organization: OrganizationId,
    account: AccountId,
    event: &Event,
    at: Timestamp,
) -> Result<(), NotifyError> {
    let found = store.read(move |tx| recipient(tx, organization, account)).await?;
    let Some((organization, address)) = found else { return Ok(()) };
    let (subject, text) = words(&organization, gateway, event, at);
    Ok(mailer.send(&Letter { to: address, subject, text }).await?)
}

/// Where the mail for this administrator goes.
fn recipient(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<(Organization, EmailAddress)>, StoreError> {
    let Some(organization) = organizations::find(tx, organization)? else { return Ok(None) };
    let administrators = memberships::administrators(tx, organization.id)?;
    if !administrators.contains(&account) {
        return Ok(None);
    }
    if let Some(address) = trusted_address(tx, &organization, account)? {
        return Ok(Some((organization, address)));
    }
    for other in &administrators {
        if trusted_address(tx, &organization, *other)?.is_some() {
            return Ok(None);
        }
    }
    let is_first = administrators.first() == Some(&account);
    Ok(is_first.then(|| (organization.clone(), organization.support_email.clone())))
}

/// The administrator's primary address if it is verified, in a domain that the organization owns, or the one that the
/// operator named. Others may have been written by whoever provisions the organization, about whose doings the mail
/// may be.
fn trusted_address(
    tx: &mut Tx<'_>,
    organization: &Organization,
    account: AccountId,
) -> Result<Option<EmailAddress>, StoreError> {
    let Some(account) = accounts::find(tx, account)? else { return Ok(None) };
    let Some(address) = account.profile.primary_address() else { return Ok(None) };
    let is_trusted = account.address_verified_at.is_some()
        || *address == organization.support_email
        || domains::is_owner(tx, organization.id, address.domain().as_str(), Owned::Trusted)?;
    Ok(is_trusted.then(|| address.clone()))
}

const BREAK_GLASS_CHANGED: &str = "The list of those who may sign in without your identity provider (break-glass) was \
                                   changed. The audit log says who was added or removed, and by whom.";

const REMOVALS_HELD: &str = "A SCIM client is removing very many people. The rest waits until you say whether that is \
                             meant: look at \"removals\" in the admin API, and confirm or reject.";

fn certificates_changed(name: &str, added: &[String], removed: &[String]) -> String {
    let listed = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    format!(
        "The identity provider of the connection \"{name}\" has published other signing certificates, and they count from \
         now on. New: {}. Gone: {}. Whoever has such a key says who signs in: if nobody has changed them, disable the \
         connection.",
        listed(added),
        listed(removed)
    )
}

fn metadata_expires(name: &str, expires_at: Timestamp) -> String {
    format!(
        "The metadata that is known of the identity provider \"{name}\" says that it is good until {} and no longer. Nobody signs in \
         by that connection afterwards. Give the connection newer metadata of the provider, or an address from which the gateway \
         reads it by itself.",
        expires_at.to_rfc3339()
    )
}

fn metadata_unread(name: &str, read_at: Timestamp, code: &str) -> String {
    format!(
        "The metadata of the identity provider \"{name}\" could not be read again since {} ({code}). What was read then still counts, \
         but a new certificate of the provider stays unknown, and nobody signs in once it is used. Look at the address in the \
         connection's settings.",
        read_at.to_rfc3339()
    )
}

fn group_role_changed(group: ResourceId, role: Option<&str>) -> String {
    match role {
        Some(role) => {
            format!("The members of the group {group} have the role {role} from now on, whoever becomes one.")
        }
        None => format!("The members of the group {group} have no role by it any more."),
    }
}

fn break_glass_used(account: AccountId) -> String {
    format!(
        "ALARM: somebody on the break-glass list signed in without your identity provider, the account {account}. If nobody \
         of you did, deactivate that account now."
    )
}

fn domain_verified(domain: &DomainName) -> String {
    format!("The domain {domain} was verified. People with addresses in it can now sign in through your connections.")
}

fn domain_recovered(domain: &DomainName) -> String {
    format!("The record of the domain {domain} is there again, and all is well with the domain. Please leave it there.")
}

fn domain_at_risk(domain: &DomainName, record: &str, lapses_at: Timestamp) -> String {
    format!(
        "The DNS record that proves that the domain {domain} is yours is gone. Nothing has changed yet. Publish it again and leave it \
         there: TXT at {LABEL}.{domain} with the value {record}. If it is still gone at {lapses_at}, the domain lapses: nobody new \
         can join by it.",
    )
}

fn domain_lapsed(domain: &DomainName, record: &str) -> String {
    format!(
        "The domain {domain} has lapsed, because its DNS record was gone for 14 days. Those who have signed in through your \
         connections go on, and your sign-in policy stays. Nobody new gets an account or is linked by an address in the domain, and \
         people whom your directory adds with one have to confirm it by mail. Publish the record again to end this: TXT at \
         {LABEL}.{domain} with the value {record}. Another organization that proves the domain before takes it over, without any of \
         your people.",
    )
}

fn domain_lost(domain: &DomainName) -> String {
    format!(
        "The domain {domain} had lapsed, and another organization has proved that it is theirs. It is none of yours any more: its \
         sign-in policy is gone, and nobody signs in through your connections with an address in it. Your people's accounts \
         went to nobody."
    )
}

/// Subject and text.
fn words(organization: &Organization, gateway: &str, event: &Event, at: Timestamp) -> (String, String) {
    let support = &format!("{}, {}", organization.support_name, organization.support_email);
    let what = match event {
        Event::ScimCredentialExpires { name, credential, expires_at, .. } => {
            let notice = ExpiryNotice {
                organization: &organization.name,
                client: name,
                credential: &credential.to_string(),
                days: days_between(at, *expires_at),
                expires_at: &expires_at.to_rfc3339(),
                support,
                gateway,
            };
            return (notice.subject(), notice.text());
        }
        Event::ConnectionCertificateExpires { name, fingerprint, expires_at, .. } => {
            let notice = CertificateNotice {
                organization: &organization.name,
                connection: name,
                fingerprint,
                days: days_between(at, *expires_at),
                expires_at: &expires_at.to_rfc3339(),
                support,
                gateway,
            };
            return (notice.subject(), notice.text());
        }
        Event::ConnectionMetadataExpires { name, expires_at, .. } => metadata_expires(name, *expires_at),
        Event::ConnectionMetadataUnread { name, read_at, code, .. } => metadata_unread(name, *read_at, code),
        Event::ConnectionCertificatesChanged { name, added, removed, .. } => certificates_changed(name, added, removed),
        Event::DomainVerified { domain } => domain_verified(domain),
        Event::DomainAtRisk { domain, record, lapses_at } => domain_at_risk(domain, record, *lapses_at),
        Event::DomainRecovered { domain } => domain_recovered(domain),
        Event::DomainLapsed { domain, record } => domain_lapsed(domain, record),
        Event::DomainLost { domain } => domain_lost(domain),
        Event::ConnectionCreated { name, .. } => {
            format!("A new connection to an identity provider, \"{name}\", was added. It decides who can sign in.")
        }
        Event::ConnectionChanged { name, .. } => {
            format!("The connection \"{name}\" was changed, enabled, disabled or deleted.")
        }
        Event::GroupRoleChanged { group, role } => group_role_changed(*group, role.as_deref()),
        Event::SsoPolicyChanged { domain, policy } => {
            format!("The sign-in policy of the domain {domain} was changed to \"{policy}\".")
        }
        Event::BreakGlassChanged { .. } => BREAK_GLASS_CHANGED.to_owned(),
        Event::BreakGlassUsed { account } => break_glass_used(*account),
        Event::RemovalsHeld { .. } => REMOVALS_HELD.to_owned(),
        Event::ScimClientCreated { name, .. } => {
            format!("A new SCIM client, \"{name}\", was added. It can create, change and remove your users and groups.")
        }
        Event::ScimSchemaChanged { urn, .. } => {
            format!(
                "The SCIM schema {urn} was registered, changed or removed. It says what your users or groups can have."
            )
        }
    };
    let at = &at.to_rfc3339();
    let notice = AdministratorNotice { organization: &organization.name, what: &what, at, support, gateway };
    (notice.subject(), notice.text())
}

/// Whole days, rounded up.
fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    const DAY_SECONDS: i64 = 24 * 3600;
    let seconds = to.seconds().saturating_sub(from.seconds()).max(0);
    seconds.saturating_add(DAY_SECONDS - 1) / DAY_SECONDS
}

#[cfg(test)]
mod tests {
    use super::recipient;
    use crate::access::testing::world;
    use crate::directory::accounts;
    use crate::directory::organizations::{self, NewOrganization};
    use crate::directory::profile::Profile;
    use crate::store::accounts as account_rows;
    use crate::store::failure::StoreError;
    use crate::store::memberships;
    use crate::values::operation::Role;

    /// The organization's own mailbox is written to only as long as no administrator can be.
    #[tokio::test]
    async fn who_administers_is_told_where_that_is_known_to_be_them() {
        for world in world().await {
            let (op, acme, ada) = (world.operator(), world.organization, world.ada);
            let told = world.store().write(move |tx| {
                let new = NewOrganization {
                    slug: "globex".parse().unwrap(),
                    name: "Globex".to_owned(),
                    support_name: None,
                    support_email: Some("help@globex.test".parse().unwrap()),
                    owner: "owner@elsewhere.test".parse().unwrap(),
                };
                let (globex, owner) = organizations::create(tx, &op, &new).unwrap();
                let told = |tx: &mut _, organization, account| {
                    Ok::<_, StoreError>(recipient(tx, organization, account)?.map(|(_, to)| to.to_string()))
                };
                let alone = told(tx, globex.id, owner)?;
                let profile =
                    Profile { addresses: vec!["admin@elsewhere.test".parse().unwrap()], ..Profile::default() };
                let admin = accounts::create(tx, &op, globex.id, &profile, Role::Admin)?;
                account_rows::mark_verified(tx, admin, "admin@elsewhere.test", op.at)?;
                let beside = [told(tx, globex.id, owner)?, told(tx, globex.id, admin)?];
                Ok::<_, StoreError>((alone, beside, told(tx, acme, ada)?))
            });
            let (alone, beside, member) = told.await.unwrap();
            assert_eq!(alone.as_deref(), Some("help@globex.test"), "{}", world.engine());
            assert_eq!(beside, [None, Some("admin@elsewhere.test".to_owned())], "{}", world.engine());
            assert_eq!(member, None, "{}: who administers nothing", world.engine());
        }
    }

    #[tokio::test]
    async fn an_address_of_a_lapsed_domain_is_trusted_no_more_than_any_other() {
        for world in world().await {
            let acme = world.organization;
            let told = async || {
                let read = world.store().read(move |tx| {
                    let owner = memberships::administrators(tx, acme)?[0];
                    Ok::<_, StoreError>(recipient(tx, acme, owner)?.map(|(_, to)| to.to_string()))
                });
                read.await.unwrap()
            };
            assert_eq!(told().await.as_deref(), Some("owner@acme.test"), "{}", world.engine());
            world.lapse().await;
            assert_eq!(told().await.as_deref(), Some("help@acme.test"), "{}", world.engine());
        }
    }
}
