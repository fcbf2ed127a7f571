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

  # Points are made in the first vault.
  vault {
    name = dram_vault.nas.name
  }

  # A day later they are copied to the second: what an intruder breaks can still be stopped on its way.
  vault {
    name  = dram_vault.bucket.name
    delay = "1d"

    retention {
      daily = 30
    }
  }

  transfer {
    parallel  = 8
    bandwidth = "8Mi/s"
  }
}
