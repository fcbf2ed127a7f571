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

  # Acts on what is applied. Leave it out where `dram serve` runs.
  engine {
    exec = "dram"
  }
}
