//! Whether a grant stands: its epoch, its basis, its start, and the decision recorded in it.

use crate::authority::evolve::change::Change;
use crate::authority::evolve::check_at_least;
use crate::authority::evolve::succession::{check_heir, check_not_declined};
use crate::authority::{
    Authority, Basis, EpochStart, Grant, Illegal, PresentedDecline, Succession, Tenure,
};
use crate::decision::promotion;
use crate::position::LedgerHead;

pub(super) fn check_grant(
    state: &Authority,
    entry: LedgerHead,
    grant: &Grant,
) -> Result<Change, Illegal> {
    match state.epoch().next() {
        Some(expected) if expected == grant.epoch => {}
        expected => {
            return Err(Illegal::Epoch {
                expected: expected.unwrap_or(state.epoch()),
                found: grant.epoch,
            });
        }
    }
    match &grant.basis {
        Basis::Relinquishment { .. } | Basis::Designation { .. } => {
            check_heir(state, &grant.holder)?;
        }
        // Held against the holder below: a relinquisher is a member still, only a grant may follow.
        Basis::Decline { .. } => {}
    }
    check_not_declined(state, &grant.holder)?;
    check_basis(state, grant)?;
    promotion::check_recorded(state, grant).map_err(|what| Illegal::Decision { what })?;
    Ok(Change::Granted(EpochStart {
        epoch: grant.epoch,
        holder: grant.holder.clone(),
        start: grant.start,
        granted_by: entry,
    }))
}

pub(super) fn check_basis(state: &Authority, grant: &Grant) -> Result<(), Illegal> {
    let refused = || Illegal::Basis { basis: grant.basis.as_str(), holder: grant.holder.clone() };
    match (&grant.basis, &state.tenure, &state.succession) {
        (
            Basis::Relinquishment { entry },
            Tenure::Relinquished { successor, final_position, entry: said },
            _,
        ) => {
            if successor != &grant.holder || entry != said {
                return Err(refused());
            }
            if grant.start == *final_position {
                Ok(())
            } else {
                Err(Illegal::Position { least: *final_position, found: grant.start })
            }
        }
        (
            Basis::Designation { entry },
            Tenure::Held,
            Some(Succession::Designated { successor, at, entry: said }),
        ) => {
            if successor != &grant.holder || entry != said {
                return Err(refused());
            }
            check_at_least(*at, grant.start)
        }
        (
            Basis::Decline { entry, certificate },
            Tenure::Relinquished { successor, final_position, entry: said },
            _,
        ) => {
            let presented = PresentedDecline::new(state, (**certificate).clone(), true);
            let declined = presented.shows(&state.cluster, successor, state.epoch()).is_ok();
            if &grant.holder != state.holder() || entry != said || !declined {
                return Err(refused());
            }
            if grant.start == *final_position {
                Ok(())
            } else {
                Err(Illegal::Position { least: *final_position, found: grant.start })
            }
        }
        (
            Basis::Relinquishment { .. } | Basis::Designation { .. } | Basis::Decline { .. },
            Tenure::Held | Tenure::Relinquished { .. },
            _,
        ) => Err(refused()),
    }
}
