//! No core function that the admin API calls rests on the door: each refuses a stranger by itself, before it looks anything up.

use std::fmt::Debug;

use crate::access::enforcement::readiness::Thresholds;
use crate::access::enforcement::{self, break_glass, preflight};
use crate::access::mfa_policy::{self, MfaPolicy};
use crate::access::testing::{World, world};
use crate::access::{second_factors, traces};
use crate::directory::activation::invite;
use crate::directory::admin_tokens::{self, NewToken};
use crate::directory::applications::{self, ApplicationKind, NewApplication};
use crate::directory::connection_policy::{self, ConnectionPolicy};
use crate::directory::connection_route::{self, ConnectionRoute};
use crate::directory::connections::oidc_options::{self, OidcOptions};
use crate::directory::connections::saml_options::{self, SamlOptions};
use crate::directory::connections::{self, NewConnection, Settings, provider};
use crate::directory::domains::{claim, recheck};
use crate::directory::matching::Matching;
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::sso_policy::SsoPolicy;
use crate::directory::{cases, connection_roles};
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::protocol::scim::assignable::AssignableKind;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::assignables::{self, Assignables};
use crate::provisioning::clients::credentials::NewCredential;
use crate::provisioning::clients::kind::CredentialKind;
use crate::provisioning::clients::{self, ScimClientChange, credentials};
use crate::provisioning::reprovisioning::{self, Reprovisioning};
use crate::provisioning::schemas::registry::{self, Values, Wanted as WantedSchema};
use crate::provisioning::{brake, claim_mappings, group_roles, request_log};
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::{Tx, scim_exchanges, traces as store_traces};
use crate::values::ids::{AdminTokenId, Id, OrganizationId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;

/// What a call answered: the debug form of its error, in which a refusal is to be found.
struct Answers(Vec<(&'static str, String)>);

impl Answers {
    fn of<T, E: Debug>(&mut self, call: &'static str, outcome: Result<T, E>) {
        self.0.push((call, outcome.err().map_or_else(|| "let in".to_owned(), |error| format!("{error:?}"))));
    }
}

fn directory(tx: &mut Tx<'_>, op: &Operation, org: OrganizationId, said: &mut Answers) {
    let quota = Quota::default();
    said.of("domains create", claim::create(tx, op, org, &"b.test".parse().unwrap(), &quota));
    said.of("domains find", claim::find(tx, op, org, op.new_id()));
    said.of("domains page", claim::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
    said.of("domains check", claim::begin_check(tx, op, org, op.new_id()));
    said.of("domains check again", recheck::begin(tx, op, org, op.new_id()));
    said.of("domains release", claim::release(tx, op, org, op.new_id()));
    let settings = Settings::oidc("https://b.test", "c", Preset::Generic, None);
    let new = NewConnection { id: op.new_id(), name: "B".to_owned(), settings: settings.clone(), sealed_secret: None };
    said.of("connections create", connections::create(tx, op, org, &new, &quota));
    said.of("connections find", connections::find_of(tx, op, org, new.id));
    said.of("connections page", connections::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
    said.of("connections settings", provider::replace_settings(tx, op, org, new.id, &settings, None));
    said.of("connections match", provider::replace_matching(tx, op, org, new.id, Matching::default()));
    said.of("connections enable", connections::enable(tx, op, org, new.id));
    said.of("connections disable", connections::disable(tx, op, org, new.id));
    said.of("connections delete", connections::delete(tx, op, org, new.id));
    said.of("oidc options", oidc_options::replace(tx, op, org, new.id, &OidcOptions::default()));
    said.of("connections options", saml_options::replace(tx, op, org, new.id, &SamlOptions::default()));
    said.of("connections policy", connection_policy::set(tx, op, org, new.id, ConnectionPolicy::NEW));
    said.of("connections roles", connection_roles::all(tx, op, org, new.id));
    said.of("connections set roles", connection_roles::replace(tx, op, org, new.id, &[]));
    said.of("connections policy find", connection_policy::find(tx, op, org, new.id));
    said.of("connections route find", connection_route::find(tx, op, org, new.id));
    said.of("connections route", connection_route::set(tx, op, org, new.id, &ConnectionRoute::default()));
    let token = NewToken { name: "t".to_owned(), role: Role::Auditor, ttl_seconds: 60, account: None };
    said.of("admin tokens create", admin_tokens::create(tx, op, org, &token, &quota));
    said.of("admin tokens page", admin_tokens::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
    said.of("admin tokens revoke", admin_tokens::revoke(tx, op, org, op.new_id()));
    said.of("activations page", invite::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
    said.of("activations resend", invite::resend(tx, op, org, op.new_id()));
    said.of("cases page", cases::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
}

fn the_applications(tx: &mut Tx<'_>, op: &Operation, org: OrganizationId, said: &mut Answers) {
    let new = NewApplication {
        name: "B".to_owned(),
        kind: ApplicationKind::Public,
        id_token_algorithm: SigningAlgorithm::Es256,
        redirect_uris: vec!["https://b.test/cb".to_owned()],
        post_logout_redirect_uris: vec![],
    };
    for owner in [Some(org), None] {
        let id = op.new_id();
        said.of("applications register", applications::register(tx, op, owner, &new, &Quota::default()));
        said.of("applications find", applications::find_of(tx, op, owner, id));
        said.of("applications page", applications::page(tx, op, owner, &PageRequest::new(None, None).unwrap()));
        said.of("applications update", applications::update(tx, op, owner, id, &new));
        said.of("applications secret", applications::rotate_secret(tx, op, owner, id));
        said.of("applications delete", applications::delete(tx, op, owner, id));
    }
}

fn the_access(tx: &mut Tx<'_>, op: &Operation, org: OrganizationId, said: &mut Answers) {
    let thresholds = Thresholds { corporate: 75, education: 40 };
    let wanted = store_traces::Wanted::default();
    said.of("traces page", traces::page(tx, op, org, &wanted, &PageRequest::new(None, None).unwrap()));
    said.of("traces find", traces::find(tx, op, org, op.new_id()));
    said.of("break-glass all", break_glass::all(tx, op, org));
    said.of("break-glass add", break_glass::add(tx, op, org, op.new_id()));
    said.of("break-glass remove", break_glass::remove(tx, op, org, op.new_id()));
    said.of("sign-in of a member", enforcement::of_member(tx, op, org, op.new_id()));
    let change = preflight::change(tx, op, org, op.new_id(), (SsoPolicy::Off, None), thresholds);
    said.of("sign-in policy", change);
    said.of("second factors asked for", mfa_policy::show(tx, op, org));
    said.of("ask for second factors", mfa_policy::set(tx, op, org, MfaPolicy::Required));
    said.of("second factor", second_factors::reset::reset(tx, op, org, op.new_id()));
}

fn provisioning(tx: &mut Tx<'_>, op: &Operation, org: OrganizationId, said: &mut Answers) {
    let (quota, client) = (Quota::default(), op.new_id());
    said.of("clients create", clients::create(tx, op, org, "B", Profile::Standard, &quota));
    said.of("clients page", clients::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
    said.of("clients find", clients::find(tx, op, org, client));
    said.of("clients update", clients::update(tx, op, org, client, &ScimClientChange::default()));
    said.of("clients delete", clients::delete(tx, op, org, client));
    let kind = CredentialKind::Bearer;
    let new = NewCredential { kind, scope: ScimScope::Write, ttl_seconds: 60 };
    said.of("credentials create", credentials::create(tx, op, org, client, &new, &quota));
    said.of("credentials list", credentials::list(tx, op, org, client));
    said.of("credentials revoke", credentials::revoke(tx, op, org, client, op.new_id()));
    said.of("reprovisioning find", reprovisioning::find(tx, op, org, client));
    said.of("reprovisioning set", reprovisioning::set(tx, op, org, client, Reprovisioning::Refuse));
    let wanted = scim_exchanges::Wanted::default();
    said.of("requests page", request_log::page(tx, op, org, client, &wanted, &PageRequest::new(None, None).unwrap()));
    said.of("requests find", request_log::find(tx, op, org, client, op.new_id()));
    said.of("group roles all", group_roles::all(tx, op, org));
    said.of("group roles put", group_roles::put(tx, op, org, op.new_id(), Role::Auditor));
    said.of("group roles remove", group_roles::remove(tx, op, org, op.new_id()));
    said.of("removals", brake::find(tx, op, org));
    said.of("removals limit", brake::set_limit(tx, op, org, 500, 20));
    said.of("claims all", claim_mappings::all(tx, op, org));
    said.of("claims replace", claim_mappings::replace(tx, op, org, &[], &quota));
    let lists = Assignables { is_closed: false, entries: vec![] };
    said.of("roles find", assignables::find(tx, op, org, AssignableKind::Role));
    said.of("roles replace", assignables::replace(tx, op, org, AssignableKind::Role, &lists, &quota));
    let schema = WantedSchema { definition: Object::new(), is_required: false };
    said.of("schemas register", registry::register(tx, op, org, ResourceKind::User, &schema, &quota));
    said.of("schemas page", registry::page(tx, op, org, &PageRequest::new(None, None).unwrap()));
    said.of("schemas find", registry::find(tx, op, org, op.new_id()));
    let change = registry::replace(tx, op, org, op.new_id(), None, (&schema, Values::Keep), &quota);
    said.of("schemas replace", change);
    said.of("schemas delete", registry::delete(tx, op, org, op.new_id(), Values::Keep));
}

/// What each function answers to an administrator of an organization that is not theirs, or who has a lesser role.
async fn asked(world: &World, op: Operation) -> Vec<(&'static str, String)> {
    let org = world.organization;
    let asked = world.store().read(move |tx| {
        let mut said = Answers(Vec::new());
        directory(tx, &op, org, &mut said);
        the_applications(tx, &op, org, &mut said);
        the_access(tx, &op, org, &mut said);
        provisioning(tx, &op, org, &mut said);
        let first = PageRequest::new(None, None).unwrap();
        said.of("operator tokens", admin_tokens::page_of_operators(tx, &op, &first));
        said.of("operator token create", admin_tokens::create_for_operator(tx, &op, "t", 60));
        said.of("operator token", admin_tokens::revoke_of_operators(tx, &op, Id::from_bytes(&[1; 16]).unwrap()));
        let new = NewOrganization {
            slug: "beta".parse().unwrap(),
            name: "B".to_owned(),
            support_name: None,
            support_email: None,
            owner: "owner@b.test".parse().unwrap(),
        };
        said.of("organizations create", organizations::create(tx, &op, &new));
        said.of("organizations", organizations::page(tx, &op, &PageRequest::new(None, None).unwrap()));
        Ok::<_, StoreError>(said.0)
    });
    asked.await.unwrap()
}

#[tokio::test]
async fn every_core_function_refuses_a_stranger_by_itself() {
    for world in world().await {
        for (call, answer) in asked(&world, world.op()).await {
            assert!(answer.contains("OtherOrganization"), "{call} on {}: {answer}", world.engine());
        }
    }
}

/// What an auditor may: everything else changes something.
const READS: [&str; 28] = [
    "domains find",
    "domains page",
    "connections find",
    "connections page",
    "connections roles",
    "connections policy find",
    "connections route find",
    "activations page",
    "cases page",
    "applications find",
    "applications page",
    "traces page",
    "traces find",
    "break-glass all",
    "sign-in of a member",
    "second factors asked for",
    "clients page",
    "clients find",
    "credentials list",
    "reprovisioning find",
    "requests page",
    "requests find",
    "group roles all",
    "removals",
    "claims all",
    "roles find",
    "schemas page",
    "schemas find",
];

#[tokio::test]
async fn every_core_function_that_changes_something_refuses_an_auditor_by_itself() {
    for world in world().await {
        let token = AdminTokenId::from_bytes(&[1; 16]).unwrap();
        let op = world.op().by(Actor::Admin { organization: world.organization, role: Role::Auditor, token });
        let answers = asked(&world, op).await;
        assert!(READS.iter().all(|read| answers.iter().any(|(call, _)| call == read)));
        let changes = answers.into_iter().filter(|(call, _)| !READS.contains(call));
        let let_in: Vec<_> = changes.filter(|(_, answer)| !answer.contains("Denied(")).collect();
        assert!(let_in.is_empty(), "on {}: {let_in:?}", world.engine());
    }
}
