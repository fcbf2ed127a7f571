//! A secret stands nowhere but where the user put it: not in Terraform's state, not in the catalog, not in logs at their
//! most talkative, not in clear in the vault.

use std::path::Path;

use dram_tests::Result;
use dram_tests::call::Call;
use dram_tests::configuration::Configuration;
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::{random_hex, skip, terraform};
use dram_tests::world::{Login, SHOP, Stores, Wish, World, stores_for, write};

const PASSWORD: &str = "DRAM_TEST_PASSWORD";
const OTHER: &str = "DRAM_TEST_TOKEN";

/// Forms in which a secret might slip out.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded = Call::new("base64").arg("-w0").stdin(secret).text().unwrap_or_default();
    // The last characters of base64 depend on what follows the secret.
    let encoded: String = encoded.chars().take(secret.len()).collect();
    vec![secret.as_bytes().to_vec(), hex.into_bytes(), encoded.into_bytes()]
}

/// All forms of all secrets, looked for at once: logs at their most talkative are long.
struct Forms {
    all: Vec<Vec<u8>>,
    /// The bytes that one of them begins with.
    begins: [bool; 256],
}

impl Forms {
    fn of(secrets: &[&str]) -> Forms {
        let all: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        let all: Vec<Vec<u8>> = all.into_iter().filter(|form| !form.is_empty()).collect();
        let mut begins = [false; 256];
        for (place, begins) in (0_u8..=255).zip(&mut begins) {
            *begins = all.iter().any(|form| form.first() == Some(&place));
        }
        Forms { all, begins }
    }

    fn stand_in(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if self.begins.get(usize::from(*first)) == Some(&true) && self.all.iter().any(|form| rest.starts_with(form))
            {
                return true;
            }
            rest = after;
        }
        false
    }

    fn check_absent(&self, place: &str, bytes: &[u8]) -> Result<()> {
        claim(format!("no secret stands in {place}"), !self.stand_in(bytes), || {
            "it does".to_owned()
        })
    }
}

#[test]
fn a_secret_is_found_in_each_of_its_forms() {
    let forms = Forms::of(&["canary-1", "other"]);
    for hidden in ["a canary-1", "63616e6172792d31", "xxother", "b3RoZX"] {
        assert!(forms.stand_in(hidden.as_bytes()), "{hidden}");
    }
    for clear in ["", "canary-", "canary-2", "othe", "othexr"] {
        assert!(!forms.stand_in(clear.as_bytes()), "{clear}");
    }
}

fn check_folder(folder: &Path, forms: &Forms, allowed: &[&Path]) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).doing(|| format!("list `{}`", folder.display()))? {
        let path = entry.doing(|| format!("list `{}`", folder.display()))?.path();
        if path.is_dir() {
            bytes += check_folder(&path, forms, allowed)?;
        } else if path.is_file() && !allowed.contains(&path.as_path()) {
            let content = std::fs::read(&path).doing(|| format!("read `{}`", path.display()))?;
            bytes += content.len() as u64;
            forms.check_absent(&format!("`{}`", path.display()), &content)?;
        }
    }
    Ok(bytes)
}

/// Does everything once, with everything logged, and looks everywhere.
fn check(test: &str, stores: impl Into<Wish>, password: &str, change: impl FnOnce(&World) -> Result<()>) -> Result<()> {
    let Some(host) = skip(test, terraform::older())? else {
        return Ok(());
    };
    let token = format!("canary-{}", random_hex(12)?);
    let mut world = World::on(SHOP, stores)?;
    change(&world)?;
    let (office, _) = (world.shop("office"), world.shop("branch"));
    let third = world.shop("third");
    office.install()?;
    office.start("office")?;
    office.order("teapot, 1 l", 1, "Ada")?;

    // The credentials for the stores are secrets, too.
    let of_stores = world.secrets();
    let mut secrets = vec![password, token.as_str()];
    secrets.extend(of_stores.iter().map(String::as_str));
    let forms = Forms::of(&secrets);
    let log = world.dir().join("terraform.log");
    let with_secrets = |call: Call| call.env(PASSWORD, password).env(OTHER, &token).env("DRAM_LOG", "trace");
    let run = |call: Call| -> Result<()> {
        let done = with_secrets(call).ok()?;
        forms.check_absent(&format!("the output of `{}`", done.line), done.both().as_bytes())
    };
    run(world.dram().args(["catalog", "init"]))?;
    let shop = Configuration::compiled(&world, host)?;
    for verb in [
        &["plan"][..],
        &["apply", "-auto-approve"],
        &["plan", "-detailed-exitcode"],
    ] {
        let call = shop
            .call(verb.first().copied().unwrap_or_default())
            .args(verb.iter().skip(1));
        run(call.env("TF_LOG", "trace").env("TF_LOG_PATH", &log))?;
    }
    run(world.dram().args(["protect", "shop"]))?;
    run(world.dram().args(["points", "shop", "--json"]))?;
    run(world.dram().args(["verify", "shop"]))?;
    run(world.dram().arg("doctor"))?;
    office.kill()?;
    std::fs::remove_dir_all(office.root()).doing(|| "lose the office".to_owned())?;
    run(world
        .dram()
        .args(["restore", "shop", "--to", "branch", "--attest-source-stopped"]))?;
    run(world.dram().arg("runs"))?;
    world.shop("branch").kill()?;
    write(&world.dir().join("key-for-recover"), password)?;
    let recover = world
        .dram_alone()
        .args(["recover", "shop", "--vault"])
        .arg(world.vault_address())
        .arg("--password-file");
    let recover = recover
        .arg(world.dir().join("key-for-recover"))
        .arg("--into")
        .arg(third.root());
    run(recover.arg("--attest-source-stopped"))?;

    for (place, bytes) in [
        ("the catalog", world.catalog_bytes()?),
        ("the vault", world.vault_bytes()?),
    ] {
        claim(format!("{place} was looked at"), bytes.len() > 1000, || {
            bytes.len().to_string()
        })?;
        forms.check_absent(place, &bytes)?;
    }
    let allowed = ["vault.key", "key-for-recover", "clouds.yaml"].map(|name| world.dir().join(name));
    let looked = check_folder(
        world.dir(),
        &forms,
        &allowed.each_ref().map(std::path::PathBuf::as_path),
    )?;
    claim("there was something to look at: logs, state", looked > 100_000, || {
        format!("{looked} bytes")
    })
}

#[test]
fn what_a_file_holds_stays_in_its_file() -> Result<()> {
    let test = "what_a_file_holds_stays_in_its_file";
    // The password of the vault and, in `clouds.yaml`, an application credential.
    let Some(stores) = stores_for(test, Stores::PostgresAndSwift)? else {
        return Ok(());
    };
    let wish = Wish {
        login: Login::Application,
        ..Wish::from(stores)
    };
    let password = format!("canary-{}", random_hex(12)?);
    check(test, wish, &password, |world| write(&world.key(), &password))
}

dram_tests::over_stores!(a_password_of_the_environment_stays_there);

fn a_password_of_the_environment_stays_there(stores: Stores) -> Result<()> {
    let password = format!("canary-{}", random_hex(12)?);
    check(
        "a_password_of_the_environment_stays_there",
        stores,
        &password,
        |world| {
            let file = format!("file: {}", world.key().display());
            world.change_model(&[(&file, &format!("env: {PASSWORD}"))])?;
            std::fs::remove_file(world.key()).doing(|| "remove the password's file".to_owned())
        },
    )
}
