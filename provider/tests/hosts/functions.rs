//! The provider's functions under real Terraform.

use crate::support::terraform::{Module, is_missing};

/// `provider::dram::prove` proves a whole model while it is planned: what does not hold is a verdict, and a broken model an error.
#[test]
fn a_whole_model_is_proved_by_a_function() {
    if is_missing() {
        return;
    }
    let module = Module::new("");
    let model = include_str!("../../../examples/shop-swift/dram.yaml");
    let use_of = |model: &str| {
        module.beside("dram.yaml", model);
        module.write(
            "locals {\n  proof = provider::dram::prove([file(\"${path.module}/dram.yaml\")])\n}\n\
             output \"proof\" {\n  value = local.proof.applications.shop.worst_case_rpo_seconds\n  precondition {\n    \
             condition     = local.proof.verdict != \"not met\"\n    error_message = join(\"\\n\", local.proof.findings)\n  }\n}\n",
        );
    };
    use_of(model);
    module.run(&["validate", "-no-color"]).success();
    module.run(&["plan", "-no-color"]).success().says("proof = 3606");
    use_of(&model.replace("rpo: 75m", "rpo: 5m"));
    module.run(&["plan", "-no-color"]).failure().says("DRAM0050");
    use_of(&model.replace("policy: hourly", "policy: hurly"));
    module
        .run(&["plan", "-no-color"])
        .failure()
        .says("did you mean `hourly`");
}
