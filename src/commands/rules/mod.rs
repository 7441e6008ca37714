//! `wardline rules`.

mod facts;
mod figures;
mod replay;
mod score;

use std::path::Path;

use wardline_rules::RuleSet;

use super::read;
use crate::cli::RulesCommand;
use crate::exit::Exit;
use crate::output;

pub(super) async fn run(command: RulesCommand) -> anyhow::Result<Exit> {
    match command {
        RulesCommand::Check { file } => Ok(if sound(&file)? {
            output::talk("the rules are sound");
            Exit::Done
        } else {
            Exit::Problems
        }),
        RulesCommand::Replay {
            rules,
            recording,
            summary,
            labels,
        } => replay::replay(&rules, &recording, summary, labels.as_deref()).await,
        RulesCommand::Diff {
            former,
            latter,
            recording,
        } => replay::diff(&former, &latter, &recording).await,
        RulesCommand::Score { table } => score::run(&table),
    }
}

/// Whether a rules file has no fault; all faults are shown.
pub(super) fn sound(file: &Path) -> anyhow::Result<bool> {
    match RuleSet::parse(&read(file)?) {
        Ok(_) => Ok(true),
        Err(faults) => {
            for fault in &faults {
                output::talk(&format!(
                    "{}:{}:{}: {}",
                    file.display(),
                    fault.line,
                    fault.column,
                    fault.message
                ));
            }
            output::talk(&format!("{} fault(s) in the rules", faults.len()));
            Ok(false)
        }
    }
}
