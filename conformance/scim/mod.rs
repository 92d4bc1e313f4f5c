//! SCIM as others check it.

mod scim2_tester;
