# The shop with its points in a bucket that refuses to give them up, and a copy a day later on a shelf.
# `docs/storage.md` tells how the buckets are made and which rights the two profiles need.
provider "dram" {
  catalog = var.catalog

  dynamic "engine" {
    for_each = var.engine == null ? [] : [var.engine]

    content {
      exec = engine.value
    }
  }
}

resource "dram_recovery_site" "branch" {
  name           = "branch"
  failure_domain = "branch"
  bandwidth      = "50Mi/s"

  host {
    root = "/srv/standby"
  }
}

resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  bandwidth      = "50Mi/s"

  host {
    root = "/"
  }
}

resource "dram_vault" "bucket" {
  name           = "bucket"
  failure_domain = "aws-eu-central-1"
  capacity       = "500Gi"
  warn_at        = "80%"

  s3 {
    bucket = "shop-vault"
    prefix = "dram"
    region = "eu-central-1"

    credentials {
      shared_profile = "dram"
    }

    prune_credentials {
      shared_profile = "dram-pruner"
    }
  }

  password {
    file = "/etc/dram/vault.key"
  }

  lock {
    mode   = "compliance"
    period = "2w"
  }
}

resource "dram_vault" "shelf" {
  name           = "shelf"
  failure_domain = "shelf"

  directory {
    path = "/mnt/shelf/dram"
  }

  password {
    file = "/etc/dram/shelf.key"
  }
}

resource "dram_protection_policy" "hourly" {
  name = "hourly"

  objectives {
    rpo = "75m"
    rto = "30m"
  }

  schedule {
    every = "1h"
  }

  retention {
    last          = 24
    daily         = 14
    keep_verified = 2
  }

  vault {
    name = dram_vault.bucket.name
  }

  vault {
    name  = dram_vault.shelf.name
    delay = "1d"

    retention {
      daily = 30
    }
  }

  transfer {
    parallel  = 8
    bandwidth = "20Mi/s"
  }
}

resource "dram_application" "shop" {
  name   = "shop"
  site   = dram_recovery_site.office.name
  policy = dram_protection_policy.hourly.name

  component {
    name = "db"

    host {
      paths = ["/opt/shop"]

      dump {
        command {
          run = ["python3", "opt/shop/shop.py", "dump"]
        }

        restore {
          run = ["python3", "opt/shop/shop.py", "load"]
        }
      }
    }

    data {
      size        = "1Gi"
      change_rate = "200Mi/d"
    }
  }

  component {
    name  = "web"
    after = ["db"]

    host {
      paths   = ["/srv/shop"]
      exclude = [".*"]

      service {
        start {
          run = ["python3", "opt/shop/shop.py", "start", "--port", "8080"]
        }

        stop {
          run = ["python3", "opt/shop/shop.py", "stop"]
        }
      }
    }

    data {
      size        = "4Gi"
      change_rate = "500Mi/d"
    }

    health {
      timeout = "30s"

      http {
        url  = "http://127.0.0.1:8080/up"
        body = "\"site\": \"$${DRAM_SITE}\""
      }
    }
  }
}

resource "dram_recovery_plan" "shop" {
  name = "shop"

  applications {
    names = [dram_application.shop.name]
  }

  target {
    site = dram_recovery_site.branch.name
  }
}
