//! How much comparing one PATCH may still cause. Its operations may repeat a filter of many terms over an attribute of
//! many values, so that a small body asks for hours of work; what is counted here is refused before it is done.

use super::error::{ScimError, ScimType};
use super::limits::Limits;

/// What is left of [`Limits::patch_comparisons`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: usize,
}

impl Budget {
    /// The whole budget of one request.
    pub const fn of(limits: &Limits) -> Self {
        Self { left: limits.patch_comparisons }
    }

    /// Takes `comparisons` off, or refuses the request when there are not so many left.
    pub fn spend(&mut self, comparisons: usize) -> Result<(), ScimError> {
        let left = self.left.checked_sub(comparisons);
        self.left = left.ok_or_else(|| {
            let detail = "the operations compare more values than one request may: send fewer";
            ScimError::new(ScimType::TooMany, detail).by("limits.scim_patch_comparisons")
        })?;
        Ok(())
    }

    /// How many comparisons are left.
    pub const fn left(&self) -> usize {
        self.left
    }
}
