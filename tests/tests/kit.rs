//! A person with a sheet, stock restic and nothing else of ours: the commands of the sheet, to the letter.

use std::path::Path;

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::restic;
use dram_tests::lab::skip;
use dram_tests::tree::{differences, observe};
use dram_tests::world::{SHOP, Stores, World, read};

dram_tests::over_stores!(@ directories, Directories, a_sheet_brings_the_shop_back_with_restic_alone);
dram_tests::over_stores!(@ s3, S3, a_sheet_brings_the_shop_back_with_restic_alone);

/// The commands below a heading of a sheet: the lines that stand four spaces in.
fn commands(sheet: &str, heading: &str) -> Result<String> {
    let after = sheet.split_once(&format!("\n{heading}\n--")).map(|(_, after)| after);
    let section = after.unwrap_or_default();
    // The next heading is underlined; what is before it belongs here.
    let mut found = String::new();
    for line in section.lines().skip(1) {
        if line.starts_with("---") {
            break;
        }
        if let Some(command) = line.strip_prefix("    ") {
            found.push_str(command);
            found.push('\n');
        }
    }
    claim(
        format!("the sheet has commands below `{heading}`"),
        !found.is_empty(),
        || sheet.to_owned(),
    )?;
    Ok(found)
}

fn same(expected: &Path, found: &Path) -> Result<()> {
    let differ = differences(&observe(expected)?, &observe(found)?);
    claim(
        format!("`{}` is what `{}` was", found.display(), expected.display()),
        differ.is_empty(),
        || differ.iter().map(|difference| format!("\n    {difference}")).collect(),
    )
}

/// A shell in an environment that has programs, a home and the credentials of the stores, and nothing else.
fn fresh_shell(world: &World, restic: &restic::Restic) -> Result<Call> {
    let bin = world.dir().join("bin");
    let home = world.dir().join("home");
    for folder in [&bin, &home] {
        std::fs::create_dir_all(folder).doing(|| format!("make `{}`", folder.display()))?;
    }
    let link = bin.join("restic");
    std::os::unix::fs::symlink(restic.program(), &link).doing(|| format!("link `{}`", link.display()))?;
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let mut call = Call::new("env").arg("-i").arg(format!("PATH={path}"));
    call = call.arg(format!("HOME={}", home.display()));
    for (name, value) in world.environment() {
        call = call.arg(format!("{name}={value}"));
    }
    Ok(call.args(["sh", "-eux"]).dir(&home))
}

fn a_sheet_brings_the_shop_back_with_restic_alone(stores: Stores) -> Result<()> {
    let Some(restic) = skip("a_sheet_brings_the_shop_back_with_restic_alone", restic::any())? else {
        return Ok(());
    };
    let mut world = World::on(SHOP, stores)?;
    let shop = world.shop("office");
    shop.install()?;
    shop.start("office")?;
    shop.order("tea, black", 2, "ann")?;
    shop.upload("picture.png", b"not really one")?;
    world.declare()?;
    world.dram().args(["protect", "shop"]).ok()?;
    shop.order("tea, black", 1, "bob")?;
    world.dram().args(["protect", "shop"]).ok()?;
    let orders = shop.orders()?;
    let out = world.dir().join("sheet.txt");
    let made = world.dram().args(["kit", "shop", "--out"]).arg(&out).ok()?;
    claim(
        "it is said that the sheet is a secret",
        made.both().contains("holds a passphrase"),
        || made.both(),
    )?;
    let again = world.dram().args(["kit", "shop", "--out"]).arg(&out).run()?;
    again.expect_failure(&["there already"])?;
    let mode = {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(&out).doing(|| "look at the sheet".to_owned())?.mode() & 0o777
    };
    claim("the sheet is its owner's alone", mode == 0o600, || format!("{mode:o}"))?;
    let keys = world.restic(&restic, "shop").args(["key", "list"]).text()?;
    claim(
        "restic tells the kit's key from others",
        keys.matches("dram-kit").count() == 1,
        || keys.clone(),
    )?;

    // All is lost but vault and sheet; what the site was stays aside to be compared with.
    shop.kill()?;
    let office = world.dir().join("office");
    let before = world.dir().join("before");
    std::fs::rename(&office, &before).doing(|| "lose the office".to_owned())?;
    world.lose_catalog()?;
    std::fs::remove_file(world.key()).doing(|| "lose the key".to_owned())?;

    let sheet = read(&out)?;
    let script = commands(&sheet, "With stock restic alone")?;
    let done = fresh_shell(&world, &restic)?.stdin(script.clone()).run()?;
    claim("every command of the sheet succeeds", done.status.success(), || {
        format!("{script}\n{}", done.both())
    })?;
    for part in ["opt/shop", "srv/shop"] {
        same(&before.join(part), &office.join(part))?;
    }
    let up = shop.up()?;
    claim(
        "the shop runs at the office",
        up.site == "office" && up.root == office,
        || format!("{up:?}"),
    )?;
    let found = shop.orders()?;
    claim("every order of the newest point is there", found == orders, || {
        format!("{found:?}")
    })?;

    // And with dram, by the same sheet, from the same nothing.
    shop.kill()?;
    std::fs::remove_dir_all(&office).doing(|| "lose the office again".to_owned())?;
    let script = commands(&sheet, "With dram")?;
    let bin = world.dir().join("bin/dram");
    std::os::unix::fs::symlink(world.programs().folder().join("dram"), &bin).doing(|| "link dram".to_owned())?;
    let path = world.dir().join("bin/restic");
    std::fs::remove_file(&path).doing(|| "lose restic".to_owned())?;
    let done = fresh_shell(&world, &restic)?.stdin(script.clone()).run()?;
    claim("dram recovers by the sheet", done.status.success(), || {
        format!("{script}\n{}", done.both())
    })?;
    for part in ["opt/shop", "srv/shop"] {
        same(&before.join(part), &office.join(part))?;
    }
    let found = shop.orders()?;
    claim("every order is there again", found == orders, || format!("{found:?}"))
}
