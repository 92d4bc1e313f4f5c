//! Security event tokens (RFC 8417): what one says, before it is signed. Owns the claims; refuses keys, time and the list of
//! those who are told.

pub mod scim;
