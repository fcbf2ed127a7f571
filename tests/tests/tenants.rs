//! Two tenants and two applications in one catalog and one vault: what is one's own is nobody else's to see, to restore
//! or to guess, and the vault's bytes tell its keeper nothing.

use dram_tests::Result;
use dram_tests::call::{Call, Done};
use dram_tests::error::{Doing as _, claim};
use dram_tests::lab::random_hex;
use dram_tests::world::{FILES, Stores, World, json, offered, read, write};

dram_tests::over_stores!(
    nothing_of_one_tenant_is_seen_restored_or_guessed_by_another,
    the_bytes_of_a_vault_tell_nothing,
);

/// What is said of an application, a point and a run that are not there.
const NOT_THERE: [&str; 4] = [
    "is not declared",
    "no application has a point",
    "the vault has no point",
    "there is no run",
];

/// A tenant of the world beside the default one: its model, sites and key are its own, the stores are the same.
struct Tenant<'w> {
    world: &'w World,
    name: &'static str,
    application: &'static str,
}

impl Tenant<'_> {
    fn dram(&self) -> Call {
        self.world.dram().args(["--tenant", self.name])
    }

    fn key(&self) -> std::path::PathBuf {
        self.world.dir().join(format!("{}.key", self.name))
    }

    /// Writes the model and the key, declares, and makes a point that holds `content`.
    fn settle(&self, content: &str) -> Result<()> {
        let here = self.world.dir().display().to_string();
        let text = read(&self.world.model())?;
        let text = text.replace(&format!("{here}/vault.key"), &self.key().display().to_string());
        let text = text.replace(&format!("{here}/office"), &format!("{here}/{}-office", self.name));
        let text = text.replace(&format!("{here}/branch"), &format!("{here}/{}-branch", self.name));
        let text = text.replace("name: files", &format!("name: {}", self.application));
        let text = text.replace("names: [files]", &format!("names: [{}]", self.application));
        let model = self.world.dir().join(format!("{}.yaml", self.name));
        write(&model, &text)?;
        write(&self.key(), &random_hex(16)?)?;
        write(&self.data().join("notes"), content)?;
        self.dram().arg("apply").arg(&model).ok()?;
        self.dram().args(["protect", self.application]).ok().map(drop)
    }

    fn data(&self) -> std::path::PathBuf {
        self.world.dir().join(format!("{}-office/data", self.name))
    }

    fn point(&self) -> Result<String> {
        let mut points = offered(self.dram().args(["points", self.application]))?;
        claim(format!("{} has a point", self.name), !points.is_empty(), String::new)?;
        Ok(points.pop().unwrap_or_default())
    }

    fn run(&self) -> Result<String> {
        let runs = json(self.dram().arg("runs"))?;
        let newest = runs.get(0).and_then(|run| run.get("run")?.as_str());
        claim(format!("{} has a run", self.name), newest.is_some(), || {
            runs.to_string()
        })?;
        Ok(newest.unwrap_or_default().to_owned())
    }

    /// All that a tenant can list of its own.
    fn view(&self) -> Result<String> {
        let mut view = String::new();
        for words in [&["runs"][..], &["points", self.application]] {
            view.push_str(&self.dram().args(words).arg("--json").text()?);
        }
        Ok(view)
    }
}

/// Both calls fail because there is no such thing, and in the same words once the names in them are the same.
fn check_same_refusal(what: &str, real: Done, real_name: &str, made_up: Done, made_up_name: &str) -> Result<()> {
    let (code, other) = (real.code(), made_up.code());
    let refused = |done: Done, name: &str| -> Result<String> {
        let said = done.expect_failure(&[name])?.both().replace(name, "NAME");
        let says = NOT_THERE.iter().any(|words| said.contains(words));
        claim(format!("{what} is refused because it is not there"), says, || {
            said.clone()
        })?;
        Ok(said)
    };
    let (real, made_up) = (refused(real, real_name)?, refused(made_up, made_up_name)?);
    claim(
        format!("{what} of another tenant is refused as if it were made up"),
        real == made_up && code == other,
        || format!("{code:?} {real}\nand {other:?} {made_up}"),
    )
}

fn nothing_of_one_tenant_is_seen_restored_or_guessed_by_another(stores: Stores) -> Result<()> {
    let world = World::on(FILES, stores)?;
    world.dram().args(["catalog", "init"]).ok()?;
    // One name begins with the other, and both sort beside each other.
    let blue = Tenant {
        world: &world,
        name: "blue",
        application: "files",
    };
    let red = Tenant {
        world: &world,
        name: "blue-2",
        application: "books",
    };
    blue.settle("blue's own\n")?;
    red.settle("red's own\n")?;
    let view = red.view()?;
    blue.dram().args(["protect", "files"]).ok()?;
    blue.dram().args(["verify", "files"]).ok()?;
    claim(
        "nothing that blue does changes what red sees",
        red.view()? == view,
        || view.clone(),
    )?;
    let (point, run) = (blue.point()?, blue.run()?);
    claim(
        "red sees none of blue's names",
        !view.contains(&point) && !view.contains("files"),
        || view,
    )?;

    let (no_point, look) = ("01JD8Z3N5V0Q4S1T2R6W7X8Y9Z", world.dir().join("look"));
    for words in [["points"], ["protect"], ["status"], ["prune"], ["verify"]] {
        let ask = |application: &str| red.dram().args(words).arg(application).run();
        check_same_refusal(words.concat().as_str(), ask("files")?, "files", ask("filez")?, "filez")?;
    }
    for verb in ["verify", "ls"] {
        let ask = |point: &str| red.dram().args([verb, point]).run();
        check_same_refusal("a point", ask(&point)?, &point, ask(no_point)?, no_point)?;
    }
    let ask = |run: &str| red.dram().args(["log", run]).run();
    check_same_refusal("a run", ask(&run)?, &run, ask(no_point)?, no_point)?;
    let restore = |point: &str| {
        red.dram()
            .args(["restore", "books", "--point", point, "--into"])
            .arg(&look)
            .run()
    };
    check_same_refusal("a point", restore(&point)?, &point, restore(no_point)?, no_point)?;
    claim("nothing of it was written", !look.exists(), String::new)?;

    // With the stores' credentials but another's key, the vault tells nothing either.
    let recover = |tenant: &str, key: &std::path::Path| {
        let call = world
            .dram_alone()
            .args(["--tenant", tenant, "recover", "files", "--vault"]);
        let call = call.arg(world.vault_address()).arg("--password-file").arg(key);
        call.args(["--attest-source-stopped", "--into"]).arg(&look).run()
    };
    recover(blue.name, &red.key())?.expect_failure(&["password"])?;
    recover(red.name, &red.key())?.expect_failure(&["holds nothing of application `files`"])?;
    recover(blue.name, &blue.key())?.expect_code(0)?;
    let notes = read(&look.join("data/notes"))?;
    claim("whoever has the key has the files", notes == "blue's own\n", || notes)
}

fn the_bytes_of_a_vault_tell_nothing(stores: Stores) -> Result<()> {
    let world = World::on(FILES, stores)?;
    let canary = |what: &str| -> Result<String> { Ok(format!("{what}-{}", random_hex(8)?)) };
    let (file, content, definition) = (canary("file")?, canary("content")?, canary("definition")?);
    let data = world.dir().join("office/data");
    write(&data.join(&file), &content)?;
    let dump = format!("dump: {{ command: {{ run: [echo, {definition}] }}, restore: {{ run: [cat] }} }}");
    world.change_model(&[(
        "host: { paths: [/data] }",
        &format!("host: {{ paths: [/data], {dump} }}"),
    )])?;
    world.declare()?;
    world.dram().args(["protect", "files"]).ok()?;
    world.dram().args(["verify", "files"]).ok()?;
    std::fs::remove_file(data.join(&file)).doing(|| "remove a file".to_owned())?;
    world.dram().args(["protect", "files"]).ok()?;

    let password = world.password()?;
    let mut secrets = vec![file.as_str(), &content, &definition, &password];
    let credentials = world.environment();
    let is_secret = |name: &str| name.contains("SECRET") || name.contains("PASSWORD");
    secrets.extend(
        credentials
            .iter()
            .filter(|(name, _)| is_secret(name))
            .map(|(_, value)| value.as_str()),
    );
    let finds = |bytes: &[u8]| {
        let found = secrets
            .iter()
            .find(|secret| bytes.windows(secret.len()).any(|some| some == secret.as_bytes()));
        found.map(|secret| (*secret).to_owned())
    };
    let vault = world.raw_vault();
    let mut looked = 0;
    for (name, bytes) in vault.list("")? {
        let read = vault.read(&name)?;
        claim("the whole object was read", read.len() as u64 == bytes, || name.clone())?;
        looked += bytes;
        let found = finds(&read).or_else(|| finds(name.as_bytes()));
        claim(format!("`{name}` tells nothing"), found.is_none(), || {
            found.unwrap_or_default()
        })?;
    }
    claim("there was something to look at", looked > 5_000, || {
        format!("{looked} bytes")
    })?;
    // Who looks for it finds it where it is.
    claim(
        "the search would find it",
        finds(format!("..{definition}..").as_bytes()).is_some(),
        String::new,
    )?;
    let records = world.catalog_bytes()?;
    claim(
        "the catalog holds the declaration",
        finds(&records) == Some(definition.clone()),
        || format!("{:?} in {} bytes", finds(&records), records.len()),
    )
}
