//! The admin and operator APIs from outside: who may what, what bad input gets, what the command line does.

mod audited;
mod bad_input;
mod command_line;
mod quotas;
mod who_may_what;
