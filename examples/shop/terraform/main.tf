# A small shop that must survive the loss of its site, and of everything but its vault.
# Everything lies below /tmp/dram-shop so that it can be tried on one machine; put your own folders there instead.
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
    root = "/tmp/dram-shop/branch"
  }
}

resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  bandwidth      = "50Mi/s"

  host {
    root = "/tmp/dram-shop/office"
  }
}

resource "dram_vault" "nas" {
  name           = "nas"
  failure_domain = "nas"

  directory {
    path = "/tmp/dram-shop/vault"
  }

  password {
    file = "/tmp/dram-shop/vault.key"
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
    name = dram_vault.nas.name
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
