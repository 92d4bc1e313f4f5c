//! `[limits]`: how much may come in, and how much an organization may keep.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::milliseconds;
use super::reader::Reader;
use crate::values::quota::Quota;

/// Bounds on what comes in. Over them the answer is 413 or 400, never more memory.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A SCIM request's body, in bytes.
    pub scim_body_bytes: usize,
    /// An admin API request's body, in bytes.
    pub api_body_bytes: usize,
    /// A form of a person or an application, in bytes.
    pub form_bytes: usize,
    /// A SAML response, decoded, in bytes.
    pub saml_response_bytes: usize,
    /// The nesting of a JSON document.
    pub json_depth: usize,
    /// Elements inside elements of a SAML response.
    pub saml_depth: usize,
    /// Elements of a SAML response.
    pub saml_elements: usize,
    /// Attributes of one element of a SAML response.
    pub saml_attributes: usize,
    /// How long a SAML response waits for its verification, and then for its outcome.
    pub saml_verify_timeout: Duration,
    /// A SCIM filter or PATCH path, in bytes.
    pub scim_filter_bytes: usize,
    /// The nesting of a SCIM filter.
    pub scim_filter_depth: usize,
    /// Comparisons in a SCIM filter.
    pub scim_filter_terms: usize,
    /// Operations in one SCIM PATCH.
    pub scim_patch_operations: usize,
    /// Comparisons that one SCIM PATCH may cause.
    pub scim_patch_comparisons: usize,
    /// Filters in one SCIM PATCH that have to look at the members of a group.
    pub scim_member_filters: usize,
    /// Values in one multi-valued SCIM attribute, other than the members of a group.
    pub scim_values_per_attribute: usize,
    /// A SCIM resource as it is stored, in bytes, without the members of a group.
    pub scim_resource_bytes: usize,
    /// Operations in one SCIM bulk request.
    pub scim_bulk_operations: usize,
    /// A SCIM bulk request's body, in bytes.
    pub scim_bulk_bytes: usize,
    /// Comparisons that the PATCH operations of one SCIM bulk request may cause.
    pub scim_bulk_patch_comparisons: usize,
    /// Bulk requests of one SCIM client that wait to be done while it does not wait for them.
    pub scim_asynchronous_requests_per_client: u32,
    /// SCIM resources on a page.
    pub scim_page_size: u32,
    /// Seconds that a SCIM cursor is good for.
    pub scim_cursor_seconds: u32,
    /// SCIM resources that a query may look at when no index serves it.
    pub scim_scan_rows: u32,
    /// Members of groups, or groups of users, on one page of SCIM resources.
    pub scim_page_members: u32,
    /// The documents on one page of SCIM resources, in bytes.
    pub scim_page_bytes: usize,
    /// Users that SCIM clients may create in an organization.
    pub scim_users_per_organization: u32,
    /// Groups that SCIM clients may create in an organization.
    pub scim_groups_per_organization: u32,
    /// How much an organization may keep.
    pub quota: Quota,
    /// Connections that may be open at a time, for each worker.
    pub connections: usize,
    /// How long a client may take to send a request's head.
    pub request_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// Requests of one SCIM client within a second, on average.
    pub scim_requests_per_second: u32,
    /// Requests of one SCIM client at once.
    pub scim_burst: u32,
    /// Requests of all SCIM clients of an organization within a second, on average.
    pub scim_organization_requests_per_second: u32,
    /// Requests of all SCIM clients of an organization at once.
    pub scim_organization_burst: u32,
    /// SCIM requests of an organization that are inside the store at a time.
    pub scim_requests_at_once: usize,
    /// How long another one waits for a place there.
    pub scim_wait: Duration,
    /// Tokens of SCIM clients that one network may ask for within a minute.
    pub scim_token_requests_per_minute: u32,
    /// Access tokens of one credential that live at a time.
    pub scim_access_tokens_per_credential: u32,
    /// Activation mails that are sent for one organization within an hour.
    pub activation_mails_per_hour: u32,
    /// Passkeys that one account may have.
    pub passkeys_per_account: u32,
    /// Sign-in attempts from one network within a minute.
    pub sign_in_attempts_per_minute: u32,
    /// Sign-ins that one network may begin within a minute.
    pub authorize_per_minute: u32,
    /// Answers that one network may bring, go on with, or sign out with, within a minute.
    pub answers_per_minute: u32,
    /// Logout tokens that one network may post within a minute.
    pub logout_tokens_per_minute: u32,
}

/// Reads the table.
pub(super) fn read(reader: &mut Reader) -> Limits {
    const KIB: i64 = 1024;
    let mut count = |key, bounds, default| usize::try_from(reader.number(key, bounds, default)).unwrap_or(0);
    Limits {
        scim_body_bytes: count("limits.scim_body_bytes", KIB..=64 * KIB * KIB, 4 * KIB * KIB),
        api_body_bytes: count("limits.api_body_bytes", KIB..=16 * KIB * KIB, KIB * KIB),
        form_bytes: count("limits.form_bytes", KIB..=KIB * KIB, 64 * KIB),
        saml_response_bytes: count("limits.saml_response_bytes", KIB..=KIB * KIB, 256 * KIB),
        json_depth: count("limits.json_depth", 4..=128, 32),
        saml_depth: count("limits.saml_depth", 16..=64, 32),
        saml_elements: count("limits.saml_elements", 100..=10_000, 5_000),
        saml_attributes: count("limits.saml_attributes", 16..=256, 64),
        scim_filter_bytes: count("limits.scim_filter_bytes", 256..=64 * KIB, 8 * KIB),
        scim_filter_depth: count("limits.scim_filter_depth", 2..=64, 16),
        scim_filter_terms: count("limits.scim_filter_terms", 1..=500, 64),
        scim_patch_comparisons: count("limits.scim_patch_comparisons", 1_000..=10_000_000, 100_000),
        scim_patch_operations: count("limits.scim_patch_operations", 1..=10_000, 1_000),
        scim_member_filters: count("limits.scim_member_filters", 0..=1_000, 10),
        scim_values_per_attribute: count("limits.scim_values_per_attribute", 10..=10_000, 500),
        scim_page_bytes: count("limits.scim_page_bytes", 64 * KIB..=64 * KIB * KIB, 4 * KIB * KIB),
        scim_resource_bytes: count("limits.scim_resource_bytes", 4 * KIB..=4 * KIB * KIB, 128 * KIB),
        scim_bulk_operations: count("limits.scim_bulk_operations", 1..=10_000, 1_000),
        scim_bulk_bytes: count("limits.scim_bulk_bytes", KIB..=64 * KIB * KIB, 4 * KIB * KIB),
        scim_bulk_patch_comparisons: count("limits.scim_bulk_patch_comparisons", 10_000..=100_000_000, 1_000_000),
        scim_requests_at_once: count("limits.scim_requests_at_once", 1..=10_000, 6),
        connections: count("limits.connections", 16..=100_000, 10_000),
        scim_asynchronous_requests_per_client: number(
            reader,
            "limits.scim_asynchronous_requests_per_client",
            1..=1_000,
            10,
        ),
        scim_page_size: number(reader, "limits.scim_page_size", 1..=1_000, 200),
        scim_cursor_seconds: number(reader, "limits.scim_cursor_seconds", 60..=86_400, 3_600),
        scim_scan_rows: number(reader, "limits.scim_scan_rows", 0..=10_000_000, 20_000),
        scim_page_members: number(reader, "limits.scim_page_members", 1..=200_000, 20_000),
        scim_users_per_organization: number(reader, "limits.scim_users_per_organization", 1..=100_000_000, 2_000_000),
        scim_groups_per_organization: number(reader, "limits.scim_groups_per_organization", 1..=100_000_000, 500_000),
        quota: quota(reader),
        saml_verify_timeout: milliseconds(reader.number("limits.saml_verify_timeout_ms", 100..=60_000, 5_000)),
        scim_requests_per_second: number(reader, "limits.scim_requests_per_second", 1..=1_000_000, 200),
        scim_burst: number(reader, "limits.scim_burst", 1..=1_000_000, 1_000),
        scim_organization_requests_per_second: number(
            reader,
            "limits.scim_organization_requests_per_second",
            1..=1_000_000,
            400,
        ),
        scim_organization_burst: number(reader, "limits.scim_organization_burst", 1..=1_000_000, 2_000),
        scim_wait: milliseconds(reader.number("limits.scim_wait_ms", 1..=60_000, 5_000)),
        scim_token_requests_per_minute: number(reader, "limits.scim_token_requests_per_minute", 1..=100_000, 600),
        scim_access_tokens_per_credential: number(reader, "limits.scim_access_tokens_per_credential", 1..=10_000, 200),
        request_timeout: milliseconds(reader.number("limits.request_timeout_ms", 100..=120_000, 10_000)),
        body_timeout: milliseconds(reader.number("limits.body_timeout_ms", 100..=600_000, 20_000)),
        activation_mails_per_hour: number(reader, "limits.activation_mails_per_hour", 1..=1_000_000, 1_000),
        passkeys_per_account: number(reader, "limits.passkeys_per_account", 1..=100, 20),
        sign_in_attempts_per_minute: number(reader, "limits.sign_in_attempts_per_minute", 1..=100_000, 60),
        authorize_per_minute: number(reader, "limits.authorize_per_minute", 1..=1_000_000, 600),
        answers_per_minute: number(reader, "limits.answers_per_minute", 1..=1_000_000, 1_200),
        logout_tokens_per_minute: number(reader, "limits.logout_tokens_per_minute", 1..=1_000_000, 6_000),
    }
}

fn number(reader: &mut Reader, key: &str, bounds: RangeInclusive<i64>, default: i64) -> u32 {
    small(reader.number(key, bounds, default))
}

/// The choice page shows 50 connections, so no more can be had.
fn quota(reader: &mut Reader) -> Quota {
    let defaults = Quota::default();
    let mut count = |key, most, default: u32| small(reader.number(key, 1..=most, i64::from(default)));
    Quota {
        domains: count("limits.domains_per_organization", 10_000, defaults.domains),
        connections: count("limits.connections_per_organization", 50, defaults.connections),
        applications: count("limits.applications_per_organization", 10_000, defaults.applications),
        admin_tokens: count("limits.admin_tokens_per_organization", 10_000, defaults.admin_tokens),
        scim_clients: count("limits.scim_clients_per_organization", 1_000, defaults.scim_clients),
        credentials_per_scim_client: count(
            "limits.credentials_per_scim_client",
            100,
            defaults.credentials_per_scim_client,
        ),
        scim_schemas: count("limits.scim_schemas_per_organization", 100, defaults.scim_schemas),
        claim_mappings: count("limits.claims_per_organization", 500, defaults.claim_mappings),
        scim_assignables: count("limits.scim_assignables_per_list", 10_000, defaults.scim_assignables),
        scim_schema_attributes: count("limits.attributes_per_scim_schema", 1_000, defaults.scim_schema_attributes),
    }
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
