//! Carries protection and recovery out: vaults, sites, runbooks, runs
