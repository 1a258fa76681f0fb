//! The power fails at every change of a disk in the middle of what takes several nodes: a bootstrap, a promotion
//! after a relinquishment, one on a designation. Clusters of the shipped node over simulated disks; the oracles of
//! the simulation look after every step.

mod bootstrap;
mod play;
mod promotion;
