# The shop on a private cloud: points in a container of Swift, records in PostgreSQL, for Swift cannot keep a catalog.
# `clouds.yaml` on the machine where the engine runs says how the cloud is reached; the password of the database comes
# from PGPASSWORD or PGPASSFILE.
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

resource "dram_vault" "cloud" {
  name           = "cloud"
  failure_domain = "cloud"
  capacity       = "200Gi"
  warn_at        = "80%"

  swift {
    cloud     = "backup"
    container = "shop-vault"
    prefix    = "dram"
  }

  password {
    file = "/etc/dram/vault.key"
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
    name = dram_vault.cloud.name
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
