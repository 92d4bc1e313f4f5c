//! The tables of SCIM that no query joins with others, as diesel sees them; [`super::schema`] has the rest.
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

diesel::allow_tables_to_appear_in_same_query!(asynchronous_requests, asynchronous_outcomes);
