resource "dram_vault" "nas" {
  name           = "nas"
  failure_domain = "nas"

  directory {
    path = "/mnt/nas/dram"
  }

  # A reference: the secret itself never enters Terraform.
  password {
    file = "/etc/dram/key"
  }
}
