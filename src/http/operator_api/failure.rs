//! What the operator API adds to the problems of the admin API. Each match is exhaustive, so that a new error is given its
//! answer here.

use crate::access::enforcement::readiness::KindError;
use crate::http::problem::Problem;

impl From<KindError> for Problem {
    fn from(error: KindError) -> Self {
        match error {
            KindError::Denied(denied) => denied.into(),
            KindError::Store(error) => error.into(),
        }
    }
}
