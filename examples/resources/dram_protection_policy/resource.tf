resource "dram_protection_policy" "hourly" {
  name = "hourly"

  # Proved when it is planned: an objective that cannot hold is an error here.
  objectives {
    rpo = "75m"
    rto = "30m"
  }

  schedule {
    every = "1h"
  }

  retention {
    daily         = 14
    keep_verified = 2
  }

  vault {
    name = dram_vault.nas.name
  }
}
