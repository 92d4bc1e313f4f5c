//! The tables about people who come and go: activations, cases, roles of groups, and the brake on removals. Kept in step
//! with `migrations` by the tests, as `schema` is.
#![allow(missing_docs)]

use super::schema::resources;

diesel::table! {
    activations (id) {
        id -> Binary,
        org_id -> Binary,
        account_id -> Binary,
        address -> Text,
        state -> Text,
        token_hash -> Nullable<Binary>,
        created_at -> BigInt,
        asked_at -> BigInt,
        sent_at -> Nullable<BigInt>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    group_roles (group_k) {
        group_k -> BigInt,
        org_id -> Binary,
        role -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    cases (id) {
        id -> Binary,
        org_id -> Binary,
        resource_id -> Binary,
        address -> Text,
        state -> Text,
        reason -> Text,
        is_access_asked -> Bool,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    removal_counts (org_id, minute, shard) {
        org_id -> Binary,
        minute -> BigInt,
        shard -> Integer,
        removals -> BigInt,
    }
}

diesel::table! {
    brakes (org_id) {
        org_id -> Binary,
        state -> Text,
        removals_per_hour -> Nullable<BigInt>,
        share_percent -> Nullable<BigInt>,
        opened_at -> Nullable<BigInt>,
        client_id -> Nullable<Binary>,
        until -> Nullable<BigInt>,
        active -> Nullable<BigInt>,
        active_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    held_removals (org_id, resource_id) {
        org_id -> Binary,
        resource_id -> Binary,
        client_id -> Binary,
        kind -> Text,
        held_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(activations, resources);
diesel::allow_tables_to_appear_in_same_query!(group_roles, resources);
