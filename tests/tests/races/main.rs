//! What is asked of one cluster by several callers in the same moment: each race has one outcome, and it is the
//! same in the ledger of every node. Callers are threads that a barrier lets go together; each race is run again and
//! again on one cluster, whose authority goes from node to node.

mod commands;
mod promotions;
mod ring;
mod together;
mod traffic;
