//! What a verified assertion says about somebody, read as the connection says.

use crate::access::identity::AssertedIdentity;
use crate::directory::matching::Matching;
use crate::protocol::oidc::class_map;
use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::attribute_map::{self, AttributeMap};
use crate::protocol::saml::authn_context::{self, SeveralFactors};
use crate::values::ids::{ConnectionId, OrganizationId};

/// How what an assertion says is read.
pub(super) struct Reading {
    pub(super) matching: Matching,
    pub(super) map: AttributeMap,
    pub(super) several_factors: Option<SeveralFactors>,
    pub(super) most_people: u32,
}

/// What the assertion makes of its person.
pub(super) fn asserted_identity(
    assertion: &VerifiedAssertion,
    (organization, connection): (OrganizationId, ConnectionId),
    Reading { matching, map, several_factors, most_people }: &Reading,
) -> AssertedIdentity {
    let person = map.read(assertion);
    let class = assertion.authn_context();
    let words = class.into_iter().chain(authn_context::references(assertion));
    let verdict = class_map::verdict(several_factors.as_ref().map(|several| &several.map), words);
    AssertedIdentity {
        connection,
        organization,
        subject: assertion.name_id().subject(),
        email: person.email.and_then(|text| text.parse().ok()),
        // A SAML identity provider has no way to say less; whose addresses it may assert is for `directory::linking`.
        email_verified: true,
        display_name: person.display_name,
        given_name: person.given_name,
        family_name: person.family_name,
        matched: match &matching.claim {
            Some(name) => attribute_map::first(assertion, std::slice::from_ref(name)),
            None => Some(assertion.name_id().value.clone()),
        },
        matching: matching.clone(),
        groups: person.groups,
        authn_instant: Some(assertion.authn_instant()),
        amr: class.and_then(authn_context::method).map(str::to_owned).into_iter().collect(),
        acr: class.map(str::to_owned),
        further: authn_context::references(assertion).map(str::to_owned).collect(),
        several_factors: verdict,
        session_expires_at: assertion.session_expires_at(),
        most_people: *most_people,
        upstream_session: None,
    }
}
