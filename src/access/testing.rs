//! A small world for unit tests: one organization with a verified domain, two connections, two people and an
//! application, in a fresh database of each engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde_json::{Value, json};

use super::attempts::refusal::Refusal;
use super::attempts::state::{Identified, Sent, State, Upstream};
use super::attempts::{self, Attempt, NewAttempt};
use super::identity::{self, AssertedIdentity, IdentityError};
use super::mail_proofs::{self, ProofLetter};
use crate::directory::accounts;
use crate::directory::applications::{self, ApplicationKind, NewApplication};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule};
use crate::directory::connections::{self, NewConnection, Settings};
use crate::directory::domains::claim::{self, Domain};
use crate::directory::domains::proof::Answer;
use crate::directory::domains::recheck::{self, Outcome};
use crate::directory::domains::state::GRACE_SECONDS;
use crate::directory::matching::Matching;
use crate::directory::memberships::MembershipStatus;
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::protocol::oidc::class_map::Verdict;
use crate::protocol::oidc::parameters::Parameters;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::tolerance::Profile as Tolerance;
use crate::protocol::scim::validation::Rules;
use crate::protocol::scim::{document, resource_type};
use crate::provisioning::{groups, users};
use crate::record::audit;
use crate::record::jobs::Job;
use crate::store::accounts::{self as account_rows, AccountRow, AddressRow};
use crate::store::connections as connection_rows;
use crate::store::domains::{self, DomainRow};
use crate::store::failure::StoreError;
use crate::store::memberships::{self as membership_rows, MembershipRow};
use crate::store::scratch::{self, Scratch};
use crate::store::{Store, Tx, jobs};
use crate::values::clock::{Clock, Timestamp};
use crate::values::entropy::Entropy;
use crate::values::ids::{AccountId, ApplicationId, AttemptId, ConnectionId, OrganizationId, ResourceId, Sequence};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// Where the application of the world wants people to be sent back to.
pub const REDIRECT_URI: &str = "https://app.example/callback";

/// The policy of the world's connections: who is there already is found by the address, and nobody is made.
pub const LINKING: ConnectionPolicy =
    ConnectionPolicy { linking: LinkingRule::VerifiedAddress, provisions: false, default_role: Role::Member };

/// The world. Its clock stands still until [`World::advance`].
pub struct World {
    scratch: Scratch,
    at: Arc<AtomicI64>,
    /// "Acme", which owns `acme.test`.
    pub organization: OrganizationId,
    /// Acme's OpenID connection.
    pub connection: ConnectionId,
    /// Another one.
    pub other_connection: ConnectionId,
    /// `ada@acme.test`, an active member of Acme.
    pub ada: AccountId,
    /// An application that is open to all.
    pub application: ApplicationId,
}

/// One world for each engine.
pub async fn world() -> Vec<World> {
    let mut worlds = Vec::new();
    for scratch in scratch::all() {
        worlds.push(World::in_store(scratch).await);
    }
    worlds
}

/// What is known of somebody who has just typed their password.
pub fn by_password(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Identified, StoreError> {
    Ok(Identified {
        account,
        organization,
        connection: None,
        session_epoch: accounts::find(tx, account)?.unwrap().session_epoch,
        amr: vec!["pwd".to_owned()],
        acr: "urn:causeway:acr:password".to_owned(),
        auth_time: Some(op.at),
        session_expires_at: None,
        upstream_session: None,
    })
}

/// Different bytes at every call, the same in every run.
fn entropy() -> Entropy {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Entropy::new(|buffer| {
        for chunk in buffer.chunks_mut(8) {
            let next = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&next.to_le_bytes()[..chunk.len()]);
        }
    })
}

fn rules() -> Rules {
    Rules::new(Tolerance::Standard.tolerance(), Limits::default())
}

fn operation(actor: Actor, at: i64) -> Operation {
    let mut op = Operation {
        actor,
        request: crate::values::ids::RequestId::from_bytes(&[5; 16]).unwrap(),
        at: Timestamp::from_seconds(at),
        entropy: entropy(),
        sequence: Sequence::default(),
        data_center: "us".parse().unwrap(),
    };
    op.request = op.new_id();
    op
}

/// The letter of the only link that was asked for.
pub fn only_letter(tx: &mut Tx<'_>, op: &Operation) -> Option<ProofLetter> {
    let claimed =
        jobs::claim(tx, jobs::Kinds::Except(&[]), op.at.plus_seconds(1), op.at.plus_seconds(60), 100).unwrap();
    let proofs = claimed.into_iter().filter_map(|row| match serde_json::from_str(&row.payload).unwrap() {
        Job::SendMailProof { proof } => Some(proof),
        _ => None,
    });
    let proofs: Vec<_> = proofs.collect();
    assert_eq!(proofs.len(), 1);
    mail_proofs::write(tx, op, proofs[0]).unwrap()
}

struct Seeds {
    organization: OrganizationId,
    connections: [ConnectionId; 2],
    ada: AccountId,
    application: ApplicationId,
}

fn seed(tx: &mut Tx<'_>, op: &Operation) -> Result<Seeds, StoreError> {
    let (acme, _) = organizations::create(
        tx,
        op,
        &NewOrganization {
            slug: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            support_name: Some("IT Help Desk".to_owned()),
            support_email: Some("help@acme.test".parse().unwrap()),
            owner: "owner@acme.test".parse().unwrap(),
        },
    )
    .unwrap();
    let proved_at = op.at.plus_seconds(1);
    domains::insert(
        tx,
        &DomainRow {
            id: op.new_id(),
            org_id: acme.id,
            name: "acme.test".to_owned(),
            state: "verified".to_owned(),
            challenge: String::new(),
            challenge_expires_at: op.at,
            verified_at: Some(proved_at),
            last_checked_at: Some(proved_at),
            last_failure: None,
            created_at: proved_at,
            updated_at: proved_at,
            at_risk_at: None,
            lapsed_at: None,
            risk_notices: 0,
            check_at: proved_at.plus_seconds(86_400),
            check_failures: 0,
        },
    )?;
    let mut connect = |name: &str| {
        let settings = Settings::oidc("https://idp.acme.test", "causeway", Preset::Generic, None);
        let new = NewConnection { id: op.new_id(), name: name.to_owned(), settings, sealed_secret: None };
        let id = connections::create(tx, op, acme.id, &new, &Quota::default()).unwrap().id;
        connection_policy::set(tx, op, acme.id, id, LINKING).unwrap();
        id
    };
    let connections = [connect("Employees"), connect("Contractors")];
    let profile = Profile { addresses: vec!["ada@acme.test".parse().unwrap()], ..Profile::default() };
    let ada = accounts::provision(tx, op, acme.id, &profile, MembershipStatus::Active)?.account;
    let new = NewApplication {
        name: "Harbour Planner".to_owned(),
        kind: ApplicationKind::Public,
        id_token_algorithm: SigningAlgorithm::Es256,
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        post_logout_redirect_uris: vec![],
    };
    let (application, _) = applications::register(tx, op, None, &new, &Quota::default()).unwrap();
    Ok(Seeds { organization: acme.id, connections, ada, application: application.id })
}

impl World {
    async fn in_store(scratch: Scratch) -> Self {
        let at = Arc::new(AtomicI64::new(1_800_000_000));
        // What happens in the world comes after what it was made of.
        let op = operation(Actor::Operator { token: None }, at.load(Ordering::Relaxed) - 1);
        let seeds = scratch.store.write(move |tx| seed(tx, &op)).await.unwrap();
        Self {
            scratch,
            at,
            organization: seeds.organization,
            connection: seeds.connections[0],
            other_connection: seeds.connections[1],
            ada: seeds.ada,
            application: seeds.application,
        }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.scratch.store
    }

    /// "sqlite" or "postgres".
    pub fn engine(&self) -> &'static str {
        self.scratch.engine
    }

    /// A fresh operation of somebody unknown, now.
    pub fn op(&self) -> Operation {
        operation(Actor::Anonymous, self.at.load(Ordering::Relaxed))
    }

    /// A fresh operation of the operator, now.
    pub fn operator(&self) -> Operation {
        self.op().by(Actor::Operator { token: None })
    }

    /// Writes the policy of Acme's domain as it is, whatever has to hold before.
    pub async fn set_policy(&self, policy: SsoPolicy) {
        let (at, organization) = (self.op().at, self.organization);
        let write = self.store().write(move |tx| {
            let domain = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap().1;
            sso_policy::write(tx, organization, domain, policy, at)
        });
        write.await.unwrap();
    }

    /// Acme's domain is looked up again, and this is what the DNS answers.
    pub async fn look_up_again(&self, answer: Answer) -> (Domain, Outcome) {
        let (op, organization) = (self.op().by(Actor::System), self.organization);
        let write = self.store().write(move |tx| {
            let (_, id) = domains::owner_of(tx, "acme.test", domains::Owned::OrLapsed)?.unwrap();
            let seen = claim::find(tx, &op.by(Actor::Operator { token: None }), organization, id)?;
            recheck::finish(tx, &op, &seen, &answer)
        });
        write.await.unwrap()
    }

    /// The record of Acme's domain is gone until the domain lapses.
    pub async fn lapse(&self) {
        self.look_up_again(Answer::Absent).await;
        self.advance(GRACE_SECONDS);
        assert_eq!(self.look_up_again(Answer::Absent).await.0.state.as_str(), "lapsed");
    }

    /// Lets the world's connection speak to the provider with this issuer.
    pub async fn connect_to(&self, issuer: &str) {
        let settings = Settings::oidc(issuer, "causeway", Preset::Generic, None);
        self.put_settings(self.connection, &settings).await;
    }

    /// Writes a connection's settings as they are, past the rule that it keeps its provider.
    pub async fn put_settings(&self, connection: ConnectionId, settings: &Settings) {
        let text = serde_json::to_string(settings).unwrap();
        let write = self.store().write(move |tx| {
            let mut row = connection_rows::find(tx, connection)?.unwrap();
            row.settings = text;
            connection_rows::update(tx, &row)
        });
        assert!(write.await.unwrap());
    }

    /// Begins an attempt in the browser that holds `binding`.
    pub async fn start_attempt(&self, binding: &Secret) -> Attempt {
        self.start_attempt_for(binding, self.request()).await
    }

    /// The same for what else the application may ask for.
    pub async fn start_attempt_for(&self, binding: &Secret, request: AuthorizationRequest) -> Attempt {
        let (op, application, binding) = (self.op(), self.application, binding.clone());
        let write = self.store().write(move |tx| {
            let id = op.new_id();
            let new =
                NewAttempt { id, application, request: &request, binding: &binding, ttl_seconds: 900, landing: None };
            attempts::start(tx, &op, &new)?;
            Ok::<_, StoreError>(attempts::find(tx, id)?.unwrap())
        });
        write.await.unwrap()
    }

    /// Sends the browser of `attempt` to the world's connection, whose provider answers with a person of this address.
    /// The arrival token of the browser that brings the answer.
    pub async fn answer(&self, attempt: &Attempt, address: &str) -> Secret {
        let asserted = AssertedIdentity {
            connection: self.connection,
            organization: self.organization,
            subject: format!("subject of {address}"),
            email: Some(address.parse().unwrap()),
            email_verified: true,
            display_name: None,
            given_name: None,
            family_name: None,
            matched: None,
            matching: Matching::default(),
            groups: vec![],
            authn_instant: Some(self.op().at),
            amr: vec!["pwd".to_owned()],
            acr: None,
            further: vec![],
            several_factors: Verdict::Unmapped,
            session_expires_at: None,
            most_people: 1_000,
            upstream_session: None,
        };
        let (op, id, connection) = (self.op(), attempt.id, self.connection);
        let write = self.store().write(move |tx| {
            let upstream = Upstream::Oidc { sealed: "s".to_owned(), issuer: "i".to_owned(), client_id: "c".to_owned() };
            let (handle, typed) = (attempts::new_handle(&op), "ada@acme.test".parse().unwrap());
            attempts::send(tx, &op, id, Some(&typed), &Sent { connection, upstream }, &handle)?;
            identity::accept(tx, &op, handle.expose(), &asserted)
        });
        write.await.unwrap().arrival
    }

    /// How the world's connection finds people now.
    pub async fn matching(&self) -> Matching {
        let connection = self.connection;
        self.store().read(move |tx| connections::find(tx, connection)).await.unwrap().unwrap().matching
    }

    /// Somebody whose account is their own, and who is a member here.
    pub async fn visitor(&self) -> AccountId {
        let (op, organization, ada) = (self.operator(), self.organization, self.ada);
        let write = self.store().write(move |tx| {
            let id: AccountId = op.new_id();
            let of_ada = account_rows::find(tx, ada)?.unwrap();
            let row = AccountRow { id, ownership: "personal".to_owned(), ..of_ada };
            let address = "cem@elsewhere.test".to_owned();
            let address = AddressRow { account_id: id, address, is_primary: true, verified_at: Some(op.at) };
            let of_ada = membership_rows::find(tx, ada, organization)?.unwrap();
            let membership = MembershipRow { account_id: id, kind: "external".to_owned(), ..of_ada };
            account_rows::insert(tx, &row, &[address], &membership)?;
            Ok::<_, StoreError>(id)
        });
        write.await.unwrap()
    }

    /// Pushes the person with this address, as a directory does; they keep the account that they have.
    pub async fn push_user(&self, address: &'static str) -> ResourceId {
        let (op, organization) = (self.operator(), self.organization);
        let push = self.store().write(move |tx| {
            let body = json!({ "userName": address, "emails": [{ "value": address }] });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
            let draft = users::draft(read.document, resource_type::user()).unwrap();
            Ok::<_, StoreError>(users::create(tx, &op, organization, &draft).unwrap().id)
        });
        push.await.unwrap()
    }

    /// Pushes somebody with this user name and an address of their own in Acme's domain. Their account.
    pub async fn push_named(&self, name: String) -> AccountId {
        let (op, organization) = (self.operator(), self.organization);
        let push = self.store().write(move |tx| {
            let id: AccountId = op.new_id();
            let address = format!("{id}@acme.test");
            let body = json!({ "userName": name, "emails": [{ "value": address, "primary": true }] });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
            let draft = users::draft(read.document, resource_type::user()).unwrap();
            users::create(tx, &op, organization, &draft).unwrap();
            Ok::<_, StoreError>(membership_rows::members_with_address(tx, organization, &address)?[0])
        });
        push.await.unwrap()
    }

    /// Pushes a group with these members.
    pub async fn push_group(&self, name: &'static str, members: &[ResourceId]) -> ResourceId {
        let (op, organization) = (self.operator(), self.organization);
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id.to_string() })).collect();
        let push = self.store().write(move |tx| {
            let body = json!({ "displayName": name, "members": members });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules()).unwrap();
            let draft = groups::draft(read, resource_type::group(), &rules()).unwrap();
            Ok::<_, StoreError>(groups::create(tx, &op, organization, &draft).unwrap())
        });
        push.await.unwrap()
    }

    /// What the world's connection says about Ada.
    pub fn asserted(&self) -> AssertedIdentity {
        AssertedIdentity {
            connection: self.connection,
            organization: self.organization,
            subject: "00u1".to_owned(),
            email: Some("ada@acme.test".parse().unwrap()),
            email_verified: true,
            display_name: None,
            given_name: None,
            family_name: None,
            matched: None,
            matching: Matching::default(),
            groups: vec![],
            authn_instant: Some(self.op().at),
            amr: vec!["pwd".to_owned()],
            acr: None,
            further: vec![],
            several_factors: Verdict::Unmapped,
            session_expires_at: None,
            most_people: 1_000,
            upstream_session: None,
        }
    }

    /// Sends a fresh attempt to a connection, and tells the handle under which it waits.
    pub async fn depart(&self, connection: ConnectionId) -> (AttemptId, Secret) {
        let attempt = self.start_attempt(&Secret::from("browser".to_owned())).await.id;
        let op = self.op();
        let write = self.store().write(move |tx| {
            let upstream = Upstream::Oidc { sealed: "s".to_owned(), issuer: "i".to_owned(), client_id: "c".to_owned() };
            let (handle, typed) = (attempts::new_handle(&op), "ada@acme.test".parse().unwrap());
            attempts::send(tx, &op, attempt, Some(&typed), &Sent { connection, upstream }, &handle)?;
            Ok::<_, attempts::AttemptError>((attempt, handle))
        });
        write.await.unwrap()
    }

    /// Somebody signs in: who was identified, or why nobody was.
    pub async fn sign_in(&self, asserted: AssertedIdentity) -> Result<AccountId, Refusal> {
        let (attempt, handle) = self.depart(asserted.connection).await;
        let (op, presented, said) = (self.op(), handle.clone(), asserted.clone());
        let taken = self.store().write(move |tx| identity::accept(tx, &op, presented.expose(), &said)).await;
        if let Err(IdentityError::RollBackAndRefuse(refusal)) = taken {
            let (op, on, told) = (self.op(), (asserted.organization, asserted.connection), refusal.clone());
            self.store().write(move |tx| identity::refuse(tx, &op, on, handle.expose(), told)).await.unwrap();
            return Err(refusal);
        }
        match (taken.unwrap().refusal, self.state_of(attempt).await) {
            (Some(refusal), _) => Err(refusal),
            (None, State::Identified(identified)) => Ok(identified.account),
            (None, other) => panic!("{other:?}"),
        }
    }

    /// The attempt's state now.
    pub async fn state_of(&self, attempt: AttemptId) -> State {
        self.store().read(move |tx| attempts::find(tx, attempt)).await.unwrap().unwrap().state
    }

    /// The details of the organization's audit entries with this action.
    pub async fn entries(&self, action: &'static str) -> Vec<Value> {
        let organization = self.organization;
        let request = PageRequest::new(None, Some(200)).unwrap();
        let page = self.store().read(move |tx| audit::page(tx, organization, &request)).await.unwrap();
        let found = page.items.into_iter().filter(|entry| entry.action == action);
        found.map(|entry| entry.detail).collect()
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.at.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The world's clock.
    pub fn clock(&self) -> Clock {
        let at = Arc::clone(&self.at);
        Clock::new(move || Timestamp::from_seconds(at.load(Ordering::Relaxed)))
    }

    /// What the application asks for.
    pub fn request(&self) -> AuthorizationRequest {
        let query = format!(
            "client_id={}&redirect_uri={REDIRECT_URI}&response_type=code&scope=openid&state=s&nonce=n\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
            self.application
        );
        AuthorizationRequest::parse(&Parameters::parse(&query).unwrap()).unwrap()
    }
}
