//! The facts that every probe is decided from.

use aerodb_core::authority::Succession;
use aerodb_core::machine::{Lifecycle, RoleName};
use aerodb_http_api::code::Code;
use aerodb_http_api::types::{Gate, Health, Obstacle, Refusal};

use crate::http::Http;

fn gate(refusal: Option<Refusal>) -> Gate {
    match refusal {
        Some(Refusal { code, rule }) => {
            Err(Obstacle { code, rule, detail: code.title().to_owned() })
        }
        None => Ok(()),
    }
}

impl Http {
    pub(super) fn health_facts(&self) -> Health {
        let view = self.shared.view.load();
        let role = view.role.role_name();
        Health {
            live: Ok(()),
            ready: self.ready(),
            role,
            writes: gate(self.write_refusal(&view)),
            reads: gate(self.read_refusal(&view)),
            lag: self.lag(role),
            sync: self.sync(),
        }
    }

    /// Ready: everything that was on the disk is verified, and no failure is latched.
    fn ready(&self) -> Gate {
        let obstacle =
            |code: Code, rule| Err(Obstacle { code, rule, detail: code.title().to_owned() });
        match self.shared.machines.lifecycle.get() {
            Lifecycle::Serving => Ok(()),
            Lifecycle::StartedHalted => obstacle(Code::Halted, self.shared.view.load().halt()),
            Lifecycle::Uninitialized
            | Lifecycle::Initializing
            | Lifecycle::Recovering
            | Lifecycle::Verifying
            | Lifecycle::ShuttingDown
            | Lifecycle::Terminated => obstacle(Code::Recovering, None),
        }
    }

    /// Whether this node is the successor in force.
    fn sync(&self) -> Gate {
        let view = self.shared.view.load();
        let here = &self.shared.identity.node_id;
        let heir = matches!(
            view.authority.succession(),
            Some(Succession::Designated { successor, .. }) if successor == here
        );
        if heir && view.role.role_name() == RoleName::ReplicaActive {
            Ok(())
        } else {
            let detail = "this node is not the designated successor".to_owned();
            Err(Obstacle { code: Code::ReadUnsafe, rule: None, detail })
        }
    }
}
