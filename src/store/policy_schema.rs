//! The tables about how people sign in, as diesel sees them. Kept in step with `migrations` by the tests, as `schema` is.
#![allow(missing_docs)]

use super::schema::{accounts, memberships};

diesel::table! {
    connection_policies (connection_id) {
        connection_id -> Binary,
        org_id -> Binary,
        linking -> Text,
        provisions -> Bool,
        default_role -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    connection_roles (connection_id, group_name) {
        connection_id -> Binary,
        group_name -> Text,
        org_id -> Binary,
        role -> Text,
    }
}

diesel::table! {
    carried_roles (account_id, org_id, source) {
        account_id -> Binary,
        org_id -> Binary,
        source -> Text,
        role -> Text,
        connection_id -> Nullable<Binary>,
        group_name -> Nullable<Text>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    sso_policies (domain_id) {
        domain_id -> Binary,
        org_id -> Binary,
        state -> Text,
        test_group -> Nullable<Binary>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    break_glass (org_id, account_id) {
        org_id -> Binary,
        account_id -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    organization_kinds (org_id) {
        org_id -> Binary,
        kind -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    mfa_policies (org_id) {
        org_id -> Binary,
        state -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    traces (id) {
        id -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        attempt_id -> Nullable<Binary>,
        slot -> Nullable<Text>,
        outcome -> Text,
        code -> Nullable<Text>,
        step_count -> Integer,
        steps -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    connection_routes (connection_id) {
        connection_id -> Binary,
        org_id -> Binary,
        priority -> Integer,
        only_groups -> Text,
        except_groups -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    link_requests (id) {
        id -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        subject -> Text,
        account_id -> Binary,
        address -> Text,
        state -> Text,
        token_hash -> Nullable<Binary>,
        asked_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(break_glass, accounts);
diesel::allow_tables_to_appear_in_same_query!(break_glass, memberships);
