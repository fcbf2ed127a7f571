# This machine. Paths of components lie below the root.
resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  bandwidth      = "12Mi/s"

  host {
    root = "/srv/office"
  }
}

# A place where applications come back.
resource "dram_recovery_site" "branch" {
  name           = "branch"
  failure_domain = "branch"
  bandwidth      = "12Mi/s"

  host {
    root = "/srv/branch"
  }
}
