//! The tables, as diesel sees them. Kept in step with `migrations/` by the tests, which run every query.
#![allow(missing_docs)]

diesel::table! {
    organizations (id) {
        id -> Binary,
        slug -> Text,
        name -> Text,
        support_name -> Text,
        support_email -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        schemas_version -> BigInt,
        claim_mappings -> Nullable<Text>,
    }
}

diesel::table! {
    accounts (id) {
        id -> Binary,
        kind -> Text,
        ownership -> Text,
        state -> Text,
        home_dc -> Text,
        home_epoch -> BigInt,
        version -> BigInt,
        session_epoch -> BigInt,
        display_name -> Nullable<Text>,
        given_name -> Nullable<Text>,
        family_name -> Nullable<Text>,
        locale -> Nullable<Text>,
        zoneinfo -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    addresses (account_id, address) {
        account_id -> Binary,
        address -> Text,
        is_primary -> Bool,
        verified_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    memberships (account_id, org_id) {
        account_id -> Binary,
        org_id -> Binary,
        kind -> Text,
        role -> Text,
        invite_state -> Text,
        status -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        direct_role -> Nullable<Text>,
    }
}

diesel::table! {
    connections (id) {
        id -> Binary,
        org_id -> Binary,
        protocol -> Text,
        name -> Text,
        state -> Text,
        settings -> Text,
        sealed_secret -> Nullable<Binary>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        match_by -> Nullable<Text>,
        match_claim -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    identities (id) {
        id -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        subject -> Text,
        account_id -> Binary,
        created_at -> BigInt,
        last_sign_in_at -> BigInt,
    }
}

diesel::table! {
    admin_tokens (id) {
        id -> Binary,
        org_id -> Nullable<Binary>,
        account_id -> Nullable<Binary>,
        name -> Text,
        role -> Text,
        token_hash -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        parent_id -> Nullable<Binary>,
    }
}

diesel::table! {
    scim_clients (id) {
        id -> Binary,
        org_id -> Binary,
        name -> Text,
        profile -> Text,
        state -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        request_log -> Text,
        reprovisioning -> Nullable<Text>,
    }
}

diesel::table! {
    scim_credentials (id) {
        id -> Binary,
        org_id -> Binary,
        client_id -> Binary,
        token_hash -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        kind -> Text,
        scope -> Text,
        trust -> Nullable<Text>,
        warned_days -> Nullable<Integer>,
        warned_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    scim_access_tokens (token_hash) {
        token_hash -> Binary,
        org_id -> Binary,
        credential_id -> Binary,
        scope -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    resources (k) {
        k -> BigInt,
        id -> Binary,
        org_id -> Binary,
        client_id -> Nullable<Binary>,
        kind -> Text,
        account_id -> Nullable<Binary>,
        user_name_folded -> Nullable<Text>,
        external_id -> Nullable<Text>,
        display -> Nullable<Text>,
        display_folded -> Nullable<Text>,
        active -> Nullable<Bool>,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    resource_docs (k) {
        k -> BigInt,
        document -> Text,
    }
}

diesel::table! {
    resource_values (k, path, element) {
        k -> BigInt,
        path -> Text,
        element -> Integer,
        org_id -> Binary,
        value -> Text,
        tail -> Nullable<Text>,
        element_type -> Nullable<Text>,
        element_primary -> Nullable<Bool>,
    }
}

diesel::table! {
    members (group_k, member_k) {
        group_k -> BigInt,
        member_k -> BigInt,
        org_id -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    applications (id) {
        id -> Binary,
        org_id -> Nullable<Binary>,
        name -> Text,
        kind -> Text,
        state -> Text,
        secret_hash -> Nullable<Binary>,
        id_token_algorithm -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    application_uris (application_id, purpose, uri) {
        application_id -> Binary,
        purpose -> Text,
        uri -> Text,
    }
}

diesel::table! {
    attempts (id) {
        id -> Binary,
        application_id -> Binary,
        binding_hash -> Binary,
        state -> Text,
        request -> Text,
        address -> Nullable<Text>,
        connection_id -> Nullable<Binary>,
        upstream_hash -> Nullable<Binary>,
        upstream -> Nullable<Text>,
        arrival_hash -> Nullable<Binary>,
        outcome -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        tries -> Integer,
        landing -> Nullable<Text>,
    }
}

diesel::table! {
    consumed_assertions (connection_id, assertion_id) {
        connection_id -> Binary,
        assertion_id -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        token_hash -> Binary,
        account_id -> Binary,
        org_id -> Binary,
        connection_id -> Nullable<Binary>,
        session_epoch -> BigInt,
        amr -> Text,
        acr -> Text,
        auth_time -> BigInt,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        is_auth_time_known -> Bool,
    }
}

diesel::table! {
    grants (id) {
        id -> Binary,
        application_id -> Binary,
        account_id -> Binary,
        org_id -> Binary,
        session_id -> Binary,
        session_epoch -> BigInt,
        scope -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    authorization_codes (code_hash) {
        code_hash -> Binary,
        grant_id -> Binary,
        redirect_uri -> Text,
        nonce -> Nullable<Text>,
        code_challenge -> Text,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Binary,
        grant_id -> Binary,
        created_at -> BigInt,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Binary,
        purpose -> Text,
        state -> Text,
        sealed_private -> Binary,
        public -> Text,
        created_at -> BigInt,
        activated_at -> Nullable<BigInt>,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> Binary,
        org_id -> Nullable<Binary>,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        detail -> Text,
        request_id -> Binary,
    }
}

diesel::table! {
    outbox (id) {
        id -> Binary,
        org_id -> Nullable<Binary>,
        event -> Text,
        payload -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> Binary,
        kind -> Text,
        slot -> Nullable<Text>,
        payload -> Text,
        state -> Text,
        run_at -> BigInt,
        attempts -> Integer,
        leased_until -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    accounts,
    addresses,
    memberships,
    connections,
    identities,
    admin_tokens,
    scim_clients,
    scim_credentials,
    scim_access_tokens,
    resources,
    resource_docs,
    resource_values,
    members,
    applications,
    application_uris,
    attempts,
    consumed_assertions,
    sessions,
    grants,
    authorization_codes,
    refresh_tokens,
    signing_keys,
    audit_entries,
    outbox,
    jobs,
);
