terraform {
  required_providers {
    dram = {
      source = "dram-dev/dram"
    }
  }
}

provider "dram" {
  # Where the records live: best a third place, apart from sites and vaults.
  catalog = "file:///var/lib/dram/catalog"

  # Makes the vault and the repositories during the apply. Without it, run `dram reconcile` by hand.
  engine {
    exec = "dram"
  }
}
