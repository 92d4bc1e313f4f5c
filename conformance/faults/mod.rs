//! What the gateway does when something around it, or in it, fails.

mod database_away;
mod graceful_stop;
mod panicking_handler;
mod revoked_meanwhile;
mod slow_body;
mod spent_refresh_token;
