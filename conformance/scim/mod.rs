//! SCIM as others check it.

mod bulk;
mod door;
mod scim2_tester;
mod scim_sanity;
mod vendors;
