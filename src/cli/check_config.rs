//! `causeway check-config`: all faults at once, then the warnings.

use std::path::Path;

use super::load;

/// Prints what is wrong; fails when something is.
pub fn run(file: &Path) -> anyhow::Result<()> {
    let checked = load(file)?;
    for warning in &checked.warnings {
        println!("warning: {warning}");
    }
    println!("{} is sound", file.display());
    Ok(())
}
