//! The tables about OpenID providers beside their connections. Kept in step with `migrations` by the tests, as `schema` is.
#![allow(missing_docs)]

use super::schema::sessions;

diesel::table! {
    upstream_sessions (session_id) {
        session_id -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        sid_hash -> Binary,
    }
}

diesel::table! {
    upstream_answers (attempt_id) {
        attempt_id -> Binary,
        org_id -> Binary,
        connection_id -> Binary,
        account_id -> Binary,
        sid_hash -> Nullable<Binary>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(upstream_sessions, sessions);
