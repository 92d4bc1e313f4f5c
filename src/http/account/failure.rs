//! What the account pages add to the failures of the sign-in pages, whose pages they show. Each match is exhaustive, so that a new
//! error is given its answer here.

use crate::access::own_address::ConfirmError;
use crate::access::sessions::reach::ReachError;
use crate::flows::second_factors::SecondFactorsError;
use crate::http::sign_in::failure::Failure;

impl From<ReachError> for Failure {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::OutOfReach => Self::OutOfReach,
            ReachError::Store(error) => error.into(),
        }
    }
}

impl From<ConfirmError> for Failure {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::Dead => Self::LinkDead,
            ConfirmError::OtherAccount => Self::NotSignedIn,
            ConfirmError::Taken => Self::AddressTaken,
            ConfirmError::OutOfReach => Self::OutOfReach,
            ConfirmError::Store(error) => error.into(),
        }
    }
}

impl From<SecondFactorsError> for Failure {
    fn from(error: SecondFactorsError) -> Self {
        match error {
            SecondFactorsError::Dead => Self::LinkDead,
            SecondFactorsError::OutOfReach => Self::OutOfReach,
            SecondFactorsError::Busy => Self::Busy,
            SecondFactorsError::Store(error) => error.into(),
            SecondFactorsError::WrongPassword
            | SecondFactorsError::WrongCode
            | SecondFactorsError::WrongPasskey
            | SecondFactorsError::TooManyPasskeys
            | SecondFactorsError::Internal(_) => Self::Internal(error.to_string()),
        }
    }
}
