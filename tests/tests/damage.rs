//! A flipped byte anywhere in what a point needs is found, and the point is not offered until it is mended.

use dram_tests::Result;
use dram_tests::chance::Chance;
use dram_tests::error::{Doing as _, claim};
use dram_tests::world::{FILES, Stores, World, write};

/// More than one pack of data holds.
const NOISE_BYTES: usize = 9 << 20;

dram_tests::over_stores!(a_flipped_byte_in_each_pack_in_turn_is_found);

fn a_flipped_byte_in_each_pack_in_turn_is_found(stores: Stores) -> Result<()> {
    let (seed, mut chance) = Chance::of_now();
    eprintln!("DRAM_SEED={seed} repeats the bytes");
    let world = World::on(FILES, stores)?;
    let data = world.dir().join("office/data");
    write(&data.join("notes"), "first\n")?;
    std::fs::write(data.join("noise"), chance.noise(NOISE_BYTES)).doing(|| "write noise".to_owned())?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    let point = world.points("files")?.pop().unwrap_or_default();
    // What verify attests lies in packs of its own, which are no part of the point: they are not listed yet.
    let vault = world.raw_vault();
    let packs = vault.list(&format!("{}/data/", World::folder_of("files")))?;
    world.dram().arg("verify").arg(&point).ok()?;
    claim("there are several packs", packs.len() > 3, || format!("{packs:?}"))?;
    let restore = || {
        world
            .dram()
            .args(["restore", "files", "--overwrite", "--into"])
            .arg(world.dir().join("look"))
    };
    for (pack, bytes) in &packs {
        let whole = vault.read(pack)?;
        let mut damaged = whole.clone();
        let at = usize::try_from(chance.below(*bytes)).unwrap_or_default();
        if let Some(byte) = damaged.get_mut(at) {
            *byte ^= 1 << chance.below(8);
        }
        vault.write(pack, &damaged)?;
        let found = world.dram().arg("verify").arg(&point).run()?;
        claim(
            format!("verify finds byte {at} of {bytes} of `{pack}`"),
            found.code() == Some(1),
            || found.both(),
        )?;
        let offered = world.points("files")?;
        claim("the point is no longer offered", offered.is_empty(), || found.both())?;
        let refused = restore().run()?.expect_failure(&[&point])?;
        let said = refused.both();
        let names = ["is quarantined: verification found", "is unreadable"];
        claim(
            "the restore names the damage",
            names.iter().any(|name| said.contains(name)),
            || said,
        )?;
        vault.write(pack, &whole)?;
        world.dram().arg("verify").arg(&point).ok()?;
        let offered = world.points("files")?;
        claim("the mended point is offered again", offered == [point.clone()], || {
            format!("{offered:?}")
        })?;
        restore().ok()?;
    }
    Ok(())
}
