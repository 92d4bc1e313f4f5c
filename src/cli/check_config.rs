//! `causeway check-config`: all faults at once, then the warnings.

use std::path::Path;

use super::{load, output};

/// Prints what is wrong; fails when something is.
pub fn run(file: &Path) -> anyhow::Result<()> {
    let checked = load(file)?;
    for warning in &checked.warnings {
        output::line(format_args!("warning: {warning}"))?;
    }
    Ok(output::line(format_args!("{} is sound", file.display()))?)
}
