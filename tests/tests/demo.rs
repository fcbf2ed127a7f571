//! The demo, as it is told, wherever catalog and vault lie.

use dram_tests::Result;
use dram_tests::lab::{skip, terraform};
use dram_tests::world::Stores;
use dram_tests::{call, demo};

fn the_whole_demo(stores: Stores) -> Result<()> {
    if skip("the_whole_demo", terraform::any(&call::path()))?.is_none() {
        return Ok(());
    }
    demo::tell(stores)
}

dram_tests::over_stores!(the_whole_demo);
