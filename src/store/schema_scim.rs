//! Tables of SCIM that no query joins with those of [`super::schema`], as diesel sees them.
#![allow(missing_docs)]

diesel::table! {
    scim_events (id) {
        id -> Binary,
        org_id -> Binary,
        claims -> Text,
    }
}

diesel::table! {
    asynchronous_requests (id) {
        id -> Binary,
        org_id -> Binary,
        client_id -> Binary,
        credential_id -> Binary,
        scope -> Text,
        operations -> BigInt,
        sealed_body -> Nullable<Binary>,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    asynchronous_outcomes (request_id, position) {
        request_id -> Binary,
        position -> BigInt,
        org_id -> Binary,
        sealed_outcome -> Binary,
    }
}

diesel::table! {
    resource_counts (org_id, kind, slot) {
        org_id -> Binary,
        kind -> Text,
        slot -> BigInt,
        delta -> BigInt,
    }
}

diesel::table! {
    scim_exchanges (id) {
        id -> Binary,
        org_id -> Binary,
        client_id -> Binary,
        credential_id -> Nullable<Binary>,
        kind -> Text,
        at -> BigInt,
        method -> Text,
        status -> Integer,
        duration_micros -> BigInt,
        resource_id -> Nullable<Binary>,
        scim_type -> Nullable<Text>,
        rule -> Nullable<Text>,
        rewrite_rules -> Text,
        path -> Text,
        query -> Text,
        not_recorded -> Nullable<Text>,
        rewrites -> Nullable<Text>,
        request -> Nullable<Text>,
        response -> Nullable<Text>,
        original -> Nullable<Binary>,
    }
}

diesel::table! {
    scim_schemas (id) {
        id -> Binary,
        org_id -> Binary,
        number -> BigInt,
        urn -> Text,
        urn_folded -> Text,
        kind -> Text,
        is_required -> Bool,
        definition -> Text,
        version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    scim_clearings (id) {
        id -> Binary,
        org_id -> Binary,
        number -> BigInt,
        urn -> Text,
        kind -> Text,
        attribute -> Nullable<Text>,
        cleared -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    scim_unique_values (org_id, path, value) {
        org_id -> Binary,
        path -> Text,
        value -> Text,
        k -> BigInt,
    }
}

diesel::table! {
    scim_assignables (org_id, kind) {
        org_id -> Binary,
        kind -> Text,
        is_closed -> Bool,
        entries -> Text,
        updated_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(asynchronous_requests, asynchronous_outcomes);
