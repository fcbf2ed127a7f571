//! The configuration that the compiler writes and the provider that is built, in every host that the labs have.

use dram_tests::Result;
use dram_tests::configuration::Configuration;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::skip;
use dram_tests::lab::terraform::{self, Host};
use dram_tests::world::{SHOP, Stores, World};

/// What the compiler writes is formatted and valid, applies, and leaves nothing to do.
fn check_applies(test: &str, host: Result<Host>) -> Result<()> {
    let Some(host) = skip(test, host)? else { return Ok(()) };
    let world = World::temporary(SHOP)?;
    let shop = Configuration::compiled(&world, host)?;
    shop.call("fmt").args(["-check", "-diff"]).ok()?;
    shop.call("validate").ok()?;
    world.dram().args(["catalog", "init"]).ok()?;
    shop.plan().run()?.expect_code(2)?;
    shop.apply()?;
    shop.plan().run()?.expect_code(0)?;
    let said = shop.call("output").arg("-json").text()?;
    claim(
        "the outputs tell the proved RPO",
        said.contains("worst_case_rpo_seconds"),
        || said,
    )
}

#[test]
fn the_shop_applies_in_the_terraform_at_hand() -> Result<()> {
    check_applies("the_shop_applies_in_the_terraform_at_hand", terraform::older())
}

#[test]
fn the_shop_applies_in_a_newer_terraform() -> Result<()> {
    check_applies("the_shop_applies_in_a_newer_terraform", terraform::newer())
}

#[test]
fn the_shop_applies_in_opentofu() -> Result<()> {
    check_applies("the_shop_applies_in_opentofu", terraform::opentofu())
}

dram_tests::over_stores_of_the_lab!(what_is_applied_to_a_catalog_elsewhere_is_protected_and_stays_as_it_is);

fn what_is_applied_to_a_catalog_elsewhere_is_protected_and_stays_as_it_is(stores: Stores) -> Result<()> {
    let test = "what_is_applied_to_a_catalog_elsewhere_is_protected_and_stays_as_it_is";
    let Some(host) = skip(test, terraform::older())? else {
        return Ok(());
    };
    let mut world = World::on(SHOP, stores)?;
    let office = world.shop("office");
    office.install()?;
    office.start("office")?;
    let shop = Configuration::compiled(&world, host)?;
    world.dram().args(["catalog", "init"]).ok()?;
    shop.plan().run()?.expect_code(2)?;
    shop.apply()?;
    shop.plan().run()?.expect_code(0)?;
    world.dram().args(["protect", "shop"]).ok()?;
    let points = world.points("shop")?;
    claim("there is a point", points.len() == 1, || format!("{points:?}"))?;
    shop.plan().run()?.expect_code(0).map(drop)
}

/// Every resource of the example, as Terraform addresses it, with its name in the catalog.
const RESOURCES: [(&str, &str); 6] = [
    ("dram_recovery_site.office", "office"),
    ("dram_recovery_site.branch", "branch"),
    ("dram_vault.nas", "nas"),
    ("dram_protection_policy.hourly", "hourly"),
    ("dram_application.shop", "shop"),
    ("dram_recovery_plan.shop", "shop"),
];

/// A lost state is had back by importing each resource, and nothing is left to do.
fn check_imports(test: &str, host: Result<Host>) -> Result<()> {
    let Some(host) = skip(test, host)? else { return Ok(()) };
    let world = World::temporary(SHOP)?;
    let shop = Configuration::compiled(&world, host)?;
    world.dram().args(["catalog", "init"]).ok()?;
    shop.apply()?;
    std::fs::remove_file(shop.dir().join("terraform.tfstate")).doing(|| "lose the state".to_owned())?;
    for (address, name) in RESOURCES {
        shop.call("import").args([address, name]).ok()?;
    }
    shop.plan().run()?.expect_code(0).map(drop)
}

#[test]
fn imported_resources_have_nothing_to_do_in_the_terraform_at_hand() -> Result<()> {
    check_imports(
        "imported_resources_have_nothing_to_do_in_the_terraform_at_hand",
        terraform::older(),
    )
}

#[test]
fn imported_resources_have_nothing_to_do_in_a_newer_terraform() -> Result<()> {
    check_imports(
        "imported_resources_have_nothing_to_do_in_a_newer_terraform",
        terraform::newer(),
    )
}

#[test]
fn imported_resources_have_nothing_to_do_in_opentofu() -> Result<()> {
    check_imports(
        "imported_resources_have_nothing_to_do_in_opentofu",
        terraform::opentofu(),
    )
}

#[test]
fn the_plan_stays_empty_through_protect_restore_and_a_rebuilt_catalog() -> Result<()> {
    let test = "the_plan_stays_empty_through_protect_restore_and_a_rebuilt_catalog";
    let Some(host) = skip(test, terraform::older())? else {
        return Ok(());
    };
    let mut world = World::temporary(SHOP)?;
    let office = world.shop("office");
    office.install()?;
    office.start("office")?;
    let shop = Configuration::compiled(&world, host)?;
    world.dram().args(["catalog", "init"]).ok()?;
    shop.apply()?;
    shop.plan().run()?.expect_code(0)?;
    world.dram().args(["protect", "shop"]).ok()?;
    shop.plan().run()?.expect_code(0)?;
    office.kill()?;
    std::fs::remove_dir_all(office.root()).doing(|| "lose the office".to_owned())?;
    world
        .dram()
        .args(["restore", "shop", "--to", "branch", "--attest-source-stopped"])
        .ok()?;
    shop.plan().run()?.expect_code(0)?;

    // The point knows the declarations of its moment; nothing has been declared since.
    world.lose_catalog()?;
    shop.plan().run()?.expect_failure(&["catalog"])?;
    world.dram().args(["catalog", "init"]).ok()?;
    let rebuild = world.dram().args(["catalog", "rebuild"]);
    rebuild.args(world.vault_options()).ok()?;
    shop.plan().run()?.expect_code(0).map(drop)
}

#[test]
fn an_objective_that_cannot_hold_is_refused_before_anything_exists() -> Result<()> {
    let test = "an_objective_that_cannot_hold_is_refused_before_anything_exists";
    let Some(host) = skip(test, terraform::older())? else {
        return Ok(());
    };
    let world = World::temporary(SHOP)?;
    let shop = Configuration::compiled(&world, host)?;
    world.dram().args(["catalog", "init"]).ok()?;

    world.change_model(&[("rpo: 75m", "rpo: 5m")])?;
    world.dramc().arg("prove").arg(world.model()).run()?.expect_code(3)?;
    // The compiler would refuse to build it, so the objective is changed where a person might: in the configuration.
    let main = shop.dir().join("main.tf");
    let text = dram_tests::world::read(&main)?;
    dram_tests::world::write(&main, &text.replace("\"75m\"", "\"5m\""))?;
    let refused = shop.plan().run()?.expect_code(1)?;
    let said = refused.both();
    claim(
        "the plan names the attribute",
        said.contains("rpo") && said.contains("on main.tf line"),
        || said.clone(),
    )?;
    let listed = world.dram().arg("status").run()?.both();
    claim("nothing was declared", !listed.contains("shop"), || listed)
}

#[test]
fn protection_against_deletion_is_refused_in_the_plan_and_points_outlive_a_detached_application() -> Result<()> {
    let test = "protection_against_deletion_is_refused_in_the_plan_and_points_outlive_a_detached_application";
    let Some(host) = skip(test, terraform::older())? else {
        return Ok(());
    };
    let mut world = World::temporary(SHOP)?;
    let (office, third) = (world.shop("office"), world.shop("third"));
    office.install()?;
    office.start("office")?;
    office.order("teapot, 1 l", 1, "Ada")?;
    let orders = office.orders()?;
    let shop = Configuration::compiled(&world, host)?;
    world.dram().args(["catalog", "init"]).ok()?;
    shop.apply()?;
    world.dram().args(["protect", "shop"]).ok()?;

    shop.call("plan")
        .arg("-destroy")
        .run()?
        .expect_failure(&["deletion_protection"])?;
    let main = shop.dir().join("main.tf");
    let text = dram_tests::world::read(&main)?;
    let open = |kind: &str, text: &str| {
        let head = format!("resource \"{kind}\"");
        let at = text
            .find(&head)
            .and_then(|at| text.get(at..)?.find("{\n").map(|brace| at + brace + 2));
        let (before, after) = at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
        format!("{before}  deletion_protection = false\n{after}")
    };
    let text = open("dram_vault", &open("dram_application", &text));
    dram_tests::world::write(&main, &text)?;
    shop.apply()?;
    shop.call("destroy").arg("-auto-approve").ok()?;

    // Sites and plan are gone from the catalog too, so the shop comes back in places without a name.
    office.kill()?;
    std::fs::remove_dir_all(office.root()).doing(|| "lose the office".to_owned())?;
    let points = world.points("shop")?;
    claim("the point is still offered", points.len() == 1, || {
        format!("{points:?}")
    })?;
    let look = world.dir().join("look");
    world.dram().args(["restore", "shop", "--into"]).arg(&look).ok()?;
    claim("its files are there", look.join("opt/shop/shop.py").is_file(), || {
        format!("nothing in `{}`", look.display())
    })?;
    let recover = world
        .dram()
        .args(["recover", "shop"])
        .args(world.vault_options())
        .arg("--into")
        .arg(third.root());
    recover.arg("--attest-source-stopped").ok()?;
    claim("every order is back", third.orders()? == orders, || {
        format!("{:?}", third.orders())
    })
}
