# The model is proved before anything of it is planned: what others declare counts as well.
resource "terraform_data" "objectives" {
  lifecycle {
    precondition {
      condition     = provider::dram::prove([file("${path.module}/dram.yaml")]).verdict != "not met"
      error_message = join("\n", provider::dram::prove([file("${path.module}/dram.yaml")]).findings)
    }
  }
}
