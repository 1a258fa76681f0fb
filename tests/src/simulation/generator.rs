//! Draws the next action. Most of the time a node or a message goes on; now and then something happens. Operators
//! mostly do what the state of the cluster suggests, and sometimes anything at all.

use std::collections::VecDeque;

use aerodb_core::authority::{Succession, Tenure};
use aerodb_core::id::Epoch;
use aerodb_core::machine::RoleName;
use fastrand::Rng;

use super::action::{Action, Condition, DiskFault, Naming, Reading};
use super::cluster::{Cluster, inner};
use super::story::story;
use super::temper::Temper;

/// The most requests that wait for one node at once.
const WAITING_MAX: usize = 12;

/// The generator of one run.
#[derive(Debug)]
pub struct Generator {
    rng: Rng,
    temper: Temper,
    /// What is left of a story that has begun.
    story: VecDeque<Action>,
    /// Keeps a cluster going: what happened is undone, nothing new happens.
    calm: bool,
}

/// What an operator sees of a node.
struct Seen {
    place: usize,
    role: RoleName,
    epoch: Epoch,
    successor: Option<(String, bool)>,
    relinquished: bool,
    detached: bool,
    bootstrap_required: bool,
    halted: bool,
}

impl Generator {
    /// Over the seed of the temper.
    #[must_use]
    pub fn new(temper: &Temper) -> Self {
        Self {
            rng: Rng::with_seed(temper.seed),
            temper: temper.clone(),
            story: VecDeque::new(),
            calm: false,
        }
    }

    /// From now on nothing fails any more.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.story.clear();
    }

    /// The next action. The turn of whoever gets none is the network's.
    pub fn next(&mut self, cluster: &Cluster) -> Action {
        let action = self.draw(cluster);
        let starves = self.temper.starved.is_some_and(|starved| starved.takes(action));
        if starves { Action::Net(self.rng.u64(..)) } else { action }
    }

    fn draw(&mut self, cluster: &Cluster) -> Action {
        if self.rng.u32(0..100) >= self.temper.outer {
            return self.inner(cluster);
        }
        if let Some(step) = self.told(cluster) {
            return step;
        }
        let Temper { clients, operators, crashes, disks, network, .. } = self.temper;
        let (crashes, disks, network) =
            if self.calm { (0, 0, 0) } else { (crashes, disks, network) };
        let total = clients + operators + crashes + disks + network + 2;
        let mut pick = self.rng.u32(0..total);
        let mut falls = |weight: u32| {
            let hit = pick < weight;
            pick = pick.saturating_sub(weight);
            hit
        };
        if falls(clients) {
            self.client(cluster)
        } else if falls(operators) {
            self.operator(cluster)
        } else if falls(crashes) {
            self.crash(cluster)
        } else if falls(disks) {
            self.disk(cluster)
        } else if falls(network) {
            self.network(cluster)
        } else {
            Action::Tick(self.place(cluster), self.rng.u64(1..1500))
        }
    }

    /// The next step of a story; other things happen in between.
    fn told(&mut self, cluster: &Cluster) -> Option<Action> {
        if self.story.is_empty() && !self.calm && self.rng.u32(0..100) < self.temper.stories {
            self.story = self.begin(cluster).unwrap_or_default();
        }
        if self.story.is_empty() || self.rng.u8(0..3) == 0 { None } else { self.story.pop_front() }
    }

    /// Where a holder and its successor run, a failover from the one to the other can be told.
    fn begin(&mut self, cluster: &Cluster) -> Option<VecDeque<Action>> {
        let seen = look(cluster);
        let holder = seen.iter().find(|it| it.role == RoleName::PrimaryActive)?;
        let (heir, designated) = holder.successor.as_ref()?;
        let heir = named(cluster, heir);
        let runs = seen.iter().any(|it| it.place == heir && it.role == RoleName::ReplicaActive);
        (*designated && runs).then(|| story(&mut self.rng, holder.place, heir, self.temper.keys))
    }

    fn place(&mut self, cluster: &Cluster) -> usize {
        self.rng.usize(0..cluster.size())
    }

    fn inner(&mut self, cluster: &Cluster) -> Action {
        let messages = cluster.network.pending();
        let steps = cluster.size() * 5;
        let pick = self.rng.usize(0..steps + 2 * messages.min(4));
        if pick >= steps {
            return Action::Net(self.rng.u64(..));
        }
        inner(pick / 5)[pick % 5]
    }

    fn client(&mut self, cluster: &Cluster) -> Action {
        let key = self.rng.u8(0..self.temper.keys);
        let believes = |seen: &Seen| seen.role == RoleName::PrimaryActive;
        let believing: Vec<_> = look(cluster).into_iter().filter(believes).collect();
        // A client asks whom it takes for the holder, and may be told of a new one late.
        let n = match believing.len() {
            0 => self.place(cluster),
            _ if self.rng.u8(0..4) == 0 => self.place(cluster),
            count => believing[self.rng.usize(0..count)].place,
        };
        if cluster.clients.waiting_for(n) >= WAITING_MAX {
            return Action::Tick(n, self.rng.u64(1..1500));
        }
        if self.rng.u32(0..100) < self.temper.fresh {
            return Action::Read(n, key, Reading::Linearizable);
        }
        match self.rng.u8(0..12) {
            0..5 => Action::Put(n, key, Condition::None),
            5 => Action::Put(n, key, Condition::Absent),
            6 => Action::Put(n, key, Condition::LastSeen),
            7 => Action::Delete(n, key),
            8 => Action::Txn(n, key, self.rng.u8(0..self.temper.keys)),
            9 => Action::Read(n, key, Reading::Default),
            10 => Action::Read(n, key, Reading::Linearizable),
            _ if self.rng.bool() => Action::Read(n, key, Reading::Snapshot),
            _ => Action::Read(n, key, Reading::At(self.rng.u8(0..6))),
        }
    }

    fn crash(&mut self, cluster: &Cluster) -> Action {
        let n = self.place(cluster);
        match self.rng.u8(0..6) {
            0..2 => Action::Kill(n),
            2..5 => Action::PowerLoss(n, self.rng.u64(..)),
            _ => Action::Stop(n),
        }
    }

    fn disk(&mut self, cluster: &Cluster) -> Action {
        let n = self.place(cluster);
        let fault = match self.rng.u8(0..12) {
            0 => DiskFault::Io,
            1 => DiskFault::NoSpace,
            2 => DiskFault::ShortWrite,
            3 => DiskFault::LyingSync,
            4..6 => DiskFault::PowerBefore,
            6..8 => DiskFault::PowerDuring,
            8..10 => DiskFault::KillBefore,
            _ => DiskFault::KillDuring,
        };
        Action::Fault(n, fault, self.rng.u64(0..12), self.rng.u64(..))
    }

    fn network(&mut self, cluster: &Cluster) -> Action {
        if self.rng.u32(0..100) < self.temper.late {
            // Those that are held are few, and stay so for long.
            let full = cluster.network.held() > 2 || self.rng.u8(0..4) == 0;
            let pick = self.rng.u64(..);
            return if full { Action::LetGo(pick) } else { Action::Hold(pick) };
        }
        match self.rng.u8(0..16) {
            0..6 => Action::Cut(self.rng.u64(..)),
            6..8 => Action::Duplicate(self.rng.u64(..)),
            8 => Action::Damage(self.rng.u64(..)),
            9..12 => Action::Block(self.place(cluster), self.place(cluster)),
            _ => Action::Heal,
        }
    }

    fn operator(&mut self, cluster: &Cluster) -> Action {
        if self.rng.u32(0..100) < self.temper.foolish {
            return self.foolish(cluster);
        }
        let seen = look(cluster);
        let mut sensible = Vec::new();
        let newest = seen.iter().map(|seen| seen.epoch).max();
        let holder =
            seen.iter().find(|it| Some(it.epoch) == newest && it.role == RoleName::PrimaryActive);
        for place in 0..cluster.size() {
            match seen.iter().find(|seen| seen.place == place) {
                None => {
                    sensible.extend([Action::Start(place); 3]);
                    sensible.push(Action::OfflineDiscard(place));
                    sensible.push(self.stopped(cluster, place));
                }
                Some(it) => self.sensible(cluster, it, holder, newest, &mut sensible),
            }
        }
        if self.calm {
            sensible.retain(|action| !matches!(action, Action::Decline(..) | Action::Remove(..)));
        }
        if sensible.is_empty() {
            return Action::Heal;
        }
        sensible[self.rng.usize(0..sensible.len())]
    }

    /// What is left of a node that does not run.
    fn stopped(&mut self, cluster: &Cluster, place: usize) -> Action {
        match self.rng.u8(0..4) {
            0 => Action::OfflineRelinquish(place, self.place(cluster)),
            1 => Action::OfflineDecline(place),
            _ => Action::Start(place),
        }
    }

    fn sensible(
        &mut self,
        cluster: &Cluster,
        it: &Seen,
        holder: Option<&Seen>,
        newest: Option<Epoch>,
        into: &mut Vec<Action>,
    ) {
        let n = it.place;
        let shown = Naming::Shown;
        if it.halted {
            into.extend([Action::Discard(n), Action::ClearFailure(n), Action::Bootstrap(n)]);
            return;
        }
        if let Some(holder) = holder.filter(|holder| holder.place != n)
            && (it.epoch < holder.epoch || it.detached)
        {
            into.extend([Action::Follow(n, holder.place); 2]);
        }
        match it.role {
            RoleName::PrimaryActive if Some(it.epoch) == newest => {
                into.push(Action::Checkpoint(n));
                match &it.successor {
                    None => into.extend([Action::Designate(n, self.place(cluster), shown); 3]),
                    Some((heir, designated)) => {
                        let heir = named(cluster, heir);
                        into.push(Action::Release(n, shown));
                        into.push(Action::EndObligation(n, heir));
                        if *designated {
                            into.extend([Action::Relinquish(n, heir, shown); 2]);
                        }
                    }
                }
            }
            RoleName::PrimarySealed => {
                if let Some((heir, _)) = &it.successor {
                    into.extend([Action::Promote(named(cluster, heir), shown); 2]);
                }
                (0..cluster.size()).for_each(|of| into.push(Action::PromoteOnDecline(n, of)));
            }
            RoleName::ReplicaActive => {
                if it.bootstrap_required {
                    into.extend([Action::Bootstrap(n); 2]);
                } else if it.detached {
                    into.push(Action::Resume(n));
                }
                let named_here =
                    it.successor.as_ref().is_some_and(|(heir, _)| named(cluster, heir) == n);
                if named_here && (it.relinquished || it.detached || holder.is_none()) {
                    into.extend([Action::Promote(n, shown); 4]);
                } else if named_here {
                    into.push(Action::Promote(n, shown));
                    into.push(Action::DryRun(n));
                }
                if named_here && self.rng.u8(0..6) == 0 {
                    into.push(Action::Decline(n, shown));
                }
            }
            RoleName::PrimaryActive | RoleName::Uninitialized | RoleName::ReplicationHalted => {}
        }
    }

    fn foolish(&mut self, cluster: &Cluster) -> Action {
        let (n, m) = (self.place(cluster), self.place(cluster));
        let e = [Naming::Shown, Naming::Shown, Naming::Stale, Naming::Ahead][self.rng.usize(0..4)];
        match self.rng.u8(0..20) {
            0..2 => Action::Designate(n, m, e),
            2 => Action::Release(n, e),
            3 => Action::Relinquish(n, m, e),
            4 => Action::Decline(n, e),
            5 => Action::EndObligation(n, m),
            6..9 => Action::Promote(n, e),
            9 => Action::PromoteOnDecline(n, m),
            10 => Action::DryRun(n),
            11 => Action::Follow(n, m),
            12 => Action::Resume(n),
            13 => Action::ClearFailure(n),
            14 => Action::Discard(n),
            15 => Action::Bootstrap(n),
            16 => Action::Checkpoint(n),
            17 => Action::OfflineRelinquish(n, m),
            18 => Action::OfflineDecline(n),
            _ if self.rng.u8(0..3) == 0 => Action::Remove(n, m),
            _ => Action::OfflineDiscard(n),
        }
    }
}

fn named(cluster: &Cluster, id: &str) -> usize {
    let found = cluster.nodes.iter().position(|node| node.id.as_str() == id);
    found.unwrap_or_default()
}

/// What an operator sees: the nodes that run, as they show themselves.
fn look(cluster: &Cluster) -> Vec<Seen> {
    let seen = |place: usize| {
        let view = cluster.shared(place)?.view.load_full();
        let authority = &view.authority;
        let (heir, relinquished) = match authority.tenure() {
            Tenure::Relinquished { successor, .. } => (Some((successor.to_string(), true)), true),
            Tenure::Held => {
                let heir = authority.succession().map(|it| match it {
                    Succession::Designated { successor, .. } => (successor.to_string(), true),
                    Succession::Releasing { successor, .. } => (successor.to_string(), false),
                });
                (heir, false)
            }
        };
        Some(Seen {
            place,
            role: view.role.role_name(),
            epoch: authority.epoch(),
            successor: heir,
            relinquished,
            detached: view.detached.is_some(),
            bootstrap_required: view.bootstrap_required,
            halted: view.halt().is_some(),
        })
    };
    (0..cluster.size()).filter_map(seen).collect()
}
