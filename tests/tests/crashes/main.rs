//! The engine is killed at every point where it can be cut off, and an operator goes on from there.
//!
//! Flow: a world is made once → the verb runs to its end, which says how many points there are and what the end is → for each
//! point: the world anew, the verb killed there, then what an operator does: `dram resume` of a run that is open, else the same
//! command again → the end must be the same. Of writes to a server some are
//! looked at, all of them where there is time. Only debug builds of the programs can be killed so.

#![cfg(debug_assertions)]

mod end;
mod key;
mod place;
mod verbs;
mod walk;

/// One test for each verb.
macro_rules! walks {
    ($stores:ident, $prefix:literal, $($verb:ident),* $(,)?) => {
        $(
            #[test]
            fn $verb() -> dram_tests::Result<()> {
                let name = concat!($prefix, stringify!($verb));
                crate::walk::walk(name, &crate::verbs::$verb(), dram_tests::world::Stores::$stores)
            }
        )*
    };
}

walks!(
    Directories,
    "",
    first_apply,
    apply,
    first_protect,
    protect,
    protect_at_rest,
    protect_into_two_vaults,
    restore_in_place,
    restore_over_what_is_there,
    restore_at_another_site,
    restore_with_hooks,
    recover_from_a_vault_alone,
    adopt,
    verify_by_restoring,
    prune_that_forgets,
    prune_that_removes,
    claim_of_what_was_asked_for,
    copy,
    hold,
    rebuild_of_a_catalog,
);

/// What is written to a server arrives whole or not at all, and its answer may not arrive.
mod s3 {
    walks!(S3, "s3::", protect, restore_in_place, prune_that_forgets, copy);
}
