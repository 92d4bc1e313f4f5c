//! One file per story, named for it. Each runs on both engines, through HTTP only.

mod main_job;
