//! A domain's sign-in policy as it comes in and goes out.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::enforcement::break_glass::BreakGlass;
use crate::access::enforcement::preflight::{Missing, Report};
use crate::access::enforcement::{Facts, Verdict};
use crate::directory::sso_policy::SsoPolicy;
use crate::http::problem::Problem;

/// A policy to go over to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SsoPolicyChangeBody {
    /// `off`, `optional`, `test` or `required`.
    #[schema(example = "optional")]
    policy: String,
    /// The group whose members have to sign in by the identity provider, for `test`: the id of a group that your directory
    /// has pushed.
    test_group: Option<String>,
    /// The name of the domain, typed, to require single sign-on although fewer people have joined than is recommended.
    #[serde(rename = "override")]
    typed: Option<String>,
}

/// How far the domain's people are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadinessBody {
    /// People of this data center whose primary address lies in the domain.
    people: i64,
    /// Those who have joined your organization.
    members: i64,
    /// Those of them whom one of your connections has brought.
    signed_in: i64,
    /// The share of members.
    percent: u32,
    /// From which share on requiring single sign-on is recommended. After the domain was verified, two to four weeks are.
    threshold_percent: u32,
}

/// A domain's policy, and what has been reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct SsoPolicyBody {
    /// `off`, `optional`, `test` or `required`.
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    test_group: Option<String>,
    readiness: ReadinessBody,
    /// People on the break-glass list with a password and a second factor; two are needed.
    break_glass: usize,
    /// What is missing before it may be required: `domain_verified`, `active_connection`, `open_connection` (one that is for
    /// everybody), `recent_sign_in` (of an owner or administrator through such a one, within a day and since it was last
    /// changed), `break_glass`, `readiness`.
    missing: Vec<&'static str>,
}

/// How a member may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInBody {
    /// `nothing`, `identity_provider` (alone), `identity_provider_first` or `own_first` (either; which they are used to), or
    /// `break_glass` (the identity provider, and their own credentials with a second factor).
    verdict: &'static str,
    /// The policy of the domain of their primary address; each domain of their addresses has to allow a password.
    policy: &'static str,
    is_active: bool,
    is_in_test_group: bool,
    is_break_glass: bool,
    has_signed_in_by_connection: bool,
    /// A password that they may use.
    has_password: bool,
    has_mfa: bool,
}

/// Somebody on the break-glass list.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakGlassBody {
    account: String,
    since: String,
}

/// The break-glass list.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakGlassListBody {
    items: Vec<BreakGlassBody>,
}

impl SsoPolicyChangeBody {
    /// As the core takes it.
    pub fn parse(self) -> Result<(SsoPolicy, Option<String>), Problem> {
        let invalid = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "invalid_policy", detail);
        let policy = match (self.policy.as_str(), self.test_group) {
            ("off", None) => SsoPolicy::Off,
            ("optional", None) => SsoPolicy::Optional,
            ("required", None) => SsoPolicy::Required,
            ("test", Some(group)) => {
                SsoPolicy::Test { group: group.parse().map_err(|_| invalid("test_group is the id of a group"))? }
            }
            ("test", None) => return Err(invalid("a test needs a test_group")),
            ("off" | "optional" | "required", Some(_)) => return Err(invalid("only a test has a test_group")),
            _ => return Err(invalid("there is no such policy")),
        };
        Ok((policy, self.typed))
    }
}

impl SsoPolicyBody {
    /// As it goes out.
    pub fn of(report: &Report) -> Self {
        let readiness = &report.checks.readiness;
        Self {
            policy: report.policy.as_str(),
            test_group: match report.policy {
                SsoPolicy::Test { group } => Some(group.to_string()),
                SsoPolicy::Off | SsoPolicy::Optional | SsoPolicy::Required => None,
            },
            readiness: ReadinessBody {
                people: readiness.counts.people,
                members: readiness.counts.members,
                signed_in: readiness.counts.signed_in,
                percent: readiness.percent(),
                threshold_percent: readiness.threshold_percent,
            },
            break_glass: report.checks.break_glass,
            missing: report.checks.missing(SsoPolicy::Required).into_iter().map(Missing::as_str).collect(),
        }
    }
}

impl SignInBody {
    /// As it goes out.
    pub fn of(facts: &Facts, verdict: Verdict) -> Self {
        Self {
            verdict: verdict.as_str(),
            policy: facts.policy().as_str(),
            is_active: facts.is_active,
            is_in_test_group: facts.domain.is_some_and(|domain| domain.is_in_test_group),
            is_break_glass: facts.domain.is_some_and(|domain| domain.is_break_glass),
            has_signed_in_by_connection: facts.has_signed_in_by_connection,
            has_password: facts.local.has_password,
            has_mfa: facts.local.has_mfa,
        }
    }
}

impl BreakGlassListBody {
    /// As it goes out.
    pub fn of(list: Vec<BreakGlass>) -> Self {
        let body = |one: BreakGlass| BreakGlassBody { account: one.account.to_string(), since: one.since.to_rfc3339() };
        Self { items: list.into_iter().map(body).collect() }
    }
}
