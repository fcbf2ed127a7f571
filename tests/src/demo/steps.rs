//! The steps of the demo.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::call;
use crate::configuration::Configuration;
use crate::error::{Doing as _, Result, claim};
use crate::lab::restic;
use crate::lab::terraform::{self, Host};
use crate::shop::{Shop, UPLOADS};
use crate::story::Story;
use crate::tree::{Tree, differences, observe};
use crate::world::World;

/// What the shop looked like when the last point was made.
struct Remembered {
    orders: Vec<Value>,
    files: Tree,
}

pub(super) fn tell(story: &mut Story, world: &mut World) -> Result<()> {
    let office = world.shop("office");
    let branch = world.shop("branch");
    story.step("A shop runs at the office", |story| open_shop(story, &office))?;
    story.step(
        "Its recovery is a model: check it, prove its objectives, compile it",
        |story| compile(story, world),
    )?;
    let host = story.step("Find Terraform", |story| {
        let host = terraform::any(&call::path())?;
        story.say(&format!("{} for {}", host.title(), host.platform));
        Ok(host)
    })?;
    let terraform = story.step("terraform apply declares it", |story| apply(story, world, host))?;
    story.step("A second plan has nothing to do", |story| {
        story.call(terraform.plan()).map(drop)
    })?;
    story.step("Orders and files come in; the first point", |story| {
        for (product, quantity, customer) in [
            ("teapot, 1 l", 1, "Ada"),
            ("cup, blue", 6, "Grace"),
            ("tea, green", 2, "Edsger"),
        ] {
            office.order(product, quantity, customer)?;
        }
        upload(&office, "photo-of-teapot.jpg", 3 << 20)?;
        upload(&office, "catalogue.pdf", 24 << 20)?;
        story.say(&format!("{} orders, 2 files", office.up()?.orders));
        story.call(world.dram().args(["protect", "shop"])).map(drop)
    })?;
    let remembered = story.step("More orders; the next point is cheap", |story| {
        office.order("tea, black", 3, "Barbara")?;
        upload(&office, "invoice-1.pdf", 40_000)?;
        story.call(world.dram().args(["protect", "shop"]))?;
        Ok(Remembered {
            orders: office.orders()?,
            files: files(office.root())?,
        })
    })?;
    story.step("Which points are there, and are they good?", |story| {
        story.call(world.dram().args(["points", "shop"]))?;
        story.call(world.dram().args(["verify", "shop"])).map(drop)
    })?;
    story.step("Disaster: the office burns down", |story| destroy(story, &office))?;
    story.step("Restore at the branch", |story| {
        story.call(
            world
                .dram()
                .args(["restore", "shop", "--to", "branch", "--attest-source-stopped"]),
        )?;
        came_back(story, &branch, Some("branch"), &remembered)
    })?;
    story.step(
        "The configuration did not change, and the plan is still empty",
        |story| story.call(terraform.plan()).map(drop),
    )?;
    story.step("Second disaster: branch and catalog are lost too", |story| {
        destroy(story, &branch)?;
        story.say(&format!("lost: the catalog {}", world.catalog_url()));
        world.lose_catalog()
    })?;
    let third = world.shop("third");
    story.step("Recover from the vault and its key, with nothing else alive", |story| {
        let recover = world.dram_alone().args(["recover", "shop"]).args(world.vault_options());
        story.call(recover.arg("--into").arg(third.root()).arg("--attest-source-stopped"))?;
        came_back(story, &third, None, &remembered)
    })?;
    story.step("Stock restic reads the same point", |story| {
        witness(story, world, &remembered)
    })
}

fn open_shop(story: &Story, office: &Shop) -> Result<()> {
    office.install()?;
    office.start("office")?;
    let up = office.up()?;
    story.say(&format!(
        "it answers with {} orders, as site {}, from {}",
        up.orders,
        up.site,
        up.root.display()
    ));
    claim(
        "the office answers",
        up.site == "office" && up.root == office.root(),
        || format!("{up:?}"),
    )
}

fn compile(story: &Story, world: &World) -> Result<()> {
    let model = world.model();
    story.call(world.dramc().arg("check").arg(&model))?;
    story.call(world.dramc().arg("prove").arg(&model))?;
    let build = world
        .dramc()
        .args(["build", "--target", "terraform", "-o"])
        .arg(Configuration::folder(world));
    story.call(build.arg(&model)).map(drop)
}

fn apply(story: &Story, world: &World, host: Host) -> Result<Configuration> {
    story.call(world.dram().args(["catalog", "init"]))?;
    let configuration = Configuration::of(world, host)?;
    story.call(configuration.call("init"))?;
    story.call(configuration.call("plan").arg("-out=first.tfplan"))?;
    story.call(configuration.call("apply").arg("first.tfplan"))?;
    Ok(configuration)
}

/// The service dies as in a power cut, and everything below the root is gone.
fn destroy(story: &Story, shop: &Shop) -> Result<()> {
    shop.kill()?;
    claim("nobody answers any more", shop.is_down(), || {
        "somebody still listens on the shop's port".to_owned()
    })?;
    remove(story, shop.root())
}

fn remove(story: &Story, folder: &Path) -> Result<()> {
    story.say(&format!("removed: {}", folder.display()));
    std::fs::remove_dir_all(folder).doing(|| format!("remove `{}`", folder.display()))
}

/// The shop runs where it should, with every order of the last point, and its files are what they were.
fn came_back(story: &Story, shop: &Shop, site: Option<&str>, remembered: &Remembered) -> Result<()> {
    let up = shop.up()?;
    claim("the shop answers from its new place", up.root == shop.root(), || {
        format!("{up:?}")
    })?;
    if let Some(site) = site {
        claim("the answer names the new site", up.site == site, || format!("{up:?}"))?;
    }
    let orders = shop.orders()?;
    claim(
        "every order of the last point is there, and no other",
        orders == remembered.orders,
        || {
            format!(
                "{} orders instead of {}: {orders:?}",
                orders.len(),
                remembered.orders.len()
            )
        },
    )?;
    let differ = differences(&remembered.files, &files(shop.root())?);
    claim(
        "the files are what they were, byte for byte, with modes, owners and times",
        differ.is_empty(),
        || differ.iter().map(|difference| format!("\n    {difference}")).collect(),
    )?;
    story.say(&format!(
        "site `{}` answers from {}: {} orders, {} files and folders equal in every byte, mode, owner and time",
        up.site,
        up.root.display(),
        up.orders,
        remembered.files.entries.len()
    ));
    Ok(())
}

/// The files that the model protects: the program and the uploads.
fn files(root: &Path) -> Result<Tree> {
    let tree = observe(root)?;
    let mut files = tree.below("srv/shop");
    files.entries.extend(tree.below("opt/shop").entries);
    Ok(files)
}

fn witness(story: &Story, world: &World, remembered: &Remembered) -> Result<()> {
    let Some(restic) = restic::on_path() else {
        story.say("there is no restic on the PATH; with one, this step reads the vault without us");
        return Ok(());
    };
    story.call(world.restic(&restic, "shop").args(["snapshots", "--compact"]))?;
    let list = world
        .restic(&restic, "shop")
        .args(["snapshots", "--json", "--tag", "item=web.files"])
        .text()?;
    let list: Vec<Value> = serde_json::from_str(&list)
        .map_err(std::io::Error::from)
        .doing(|| "read restic's list".to_owned())?;
    let newest = list.iter().max_by_key(|snapshot| {
        snapshot
            .get("time")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    });
    let id = newest
        .and_then(|snapshot| snapshot.get("id"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    claim(
        "restic finds the files of the shop by their tag",
        !id.is_empty(),
        || format!("{list:?}"),
    )?;
    let target = world.dir().join("restic");
    story.call(
        world
            .restic(&restic, "shop")
            .args(["restore", &id, "--target"])
            .arg(&target),
    )?;
    // Where an item's paths begin in its snapshot is the engine's business; the uploads are looked for.
    let found = find_folder(&target, UPLOADS)?;
    let (expected, found) = (remembered.files.below(UPLOADS), observe(&found)?);
    for (path, entry) in &expected.entries {
        let name = path.strip_prefix(UPLOADS.as_bytes()).unwrap_or(path);
        let name = name.strip_prefix(b"/").unwrap_or(name);
        let same = found
            .entries
            .get(name)
            .is_some_and(|restored| restored.kind.holds_the_same(&entry.kind));
        claim("restic restores the same bytes", same, || {
            format!("`{}` differs", name.escape_ascii())
        })?;
    }
    story.say(&format!(
        "restic {} restored {} entries below {UPLOADS}, equal byte for byte",
        restic.version,
        expected.entries.len()
    ));
    Ok(())
}

fn find_folder(root: &Path, tail: &str) -> Result<PathBuf> {
    let tree = observe(root)?;
    let found = tree.entries.keys().find(|path| path.ends_with(tail.as_bytes()));
    claim(format!("there is a folder `{tail}`"), found.is_some(), || {
        format!("{:?}", tree.entries.keys().len())
    })?;
    let name = found
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .unwrap_or_default();
    Ok(root.join(name))
}

fn upload(shop: &Shop, name: &str, bytes: usize) -> Result<()> {
    let mut noise = vec![0; bytes];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut noise))
        .doing(|| "read random bytes".to_owned())?;
    shop.upload(name, &noise)
}
