//! Writes docs/AUDIT.md and what else is made of the table of rules: `cargo run -p aerodb-tests --bin audit`.
//! Lowers the known number of holes when some are closed, and refuses when there are new ones.

use std::path::Path;
use std::process::ExitCode;

use aerodb_tests::audit::{Audit, AuditFault, Rendering};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match run(&root) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(root: &Path) -> Result<ExitCode, AuditFault> {
    let audit = Audit::of(root)?;
    Rendering::of(&audit).write(root)?;
    let holes = audit.holes().count();
    println!("{} rules, {holes} open", audit.rows.len());
    if holes > audit.holes_max {
        eprintln!("there were {} holes, see docs/AUDIT.md", audit.holes_max);
        return Ok(ExitCode::FAILURE);
    }
    audit.lower(root)?;
    Ok(ExitCode::SUCCESS)
}
