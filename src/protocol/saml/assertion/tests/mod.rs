//! `verify` against documents that a test identity provider really signs.

mod checks;
mod cost;
mod encrypted;
mod forgeries;
mod genuine;
mod mutations;
mod recorded;
