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
  bandwidth      = "20Mi/s"

  host {}
}

resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  bandwidth      = "50Mi/s"

  host {
    root = "/office"
  }
}

resource "dram_vault" "attic" {
  name           = "attic"
  failure_domain = "attic"

  swift {
    cloud     = "attic"
    container = "dram"
    prefix    = "shops"
  }

  password {
    file = "/etc/dram/key"
  }
}

resource "dram_vault" "deep" {
  name           = "deep"
  failure_domain = "deep"
  capacity       = "2Ti"
  warn_at        = "90%"

  s3 {
    bucket     = "dram-deep"
    prefix     = "shops/2026"
    region     = "eu-central-1"
    endpoint   = "https://objects.example"
    path_style = false

    credentials {
      shared_profile = "dram-writer"
    }

    prune_credentials {
      keys {
        access_key {
          env = "PRUNE_ACCESS_KEY"
        }

        secret_key {
          file = "/etc/dram/prune.key"
        }
      }
    }
  }

  password {
    file = "/etc/dram/key"
  }

  lock {
    mode   = "governance"
    period = "10d"
  }
}

resource "dram_vault" "nas" {
  name           = "nas"
  failure_domain = "nas"

  directory {
    path = "/mnt/nas/dram"
  }

  password {
    file = "/etc/dram/key"
  }
}

resource "dram_vault" "shelf" {
  name           = "shelf"
  failure_domain = "shelf"
  adopt          = "shop"

  directory {
    path = "/mnt/shelf"
  }

  password {
    env = "SHELF_PASSWORD"
  }
}

resource "dram_protection_policy" "hourly" {
  name        = "hourly"
  consistency = "group"

  objectives {
    rpo        = "75m"
    rto        = "2h"
    max_freeze = "20s"
  }

  schedule {
    every = "1h"
  }

  retention {
    last          = 24
    hourly        = 48
    daily         = 14
    weekly        = 8
    monthly       = 12
    yearly        = 3
    within        = "2d"
    keep_verified = 2
  }

  vault {
    name = dram_vault.nas.name
  }

  vault {
    name  = dram_vault.deep.name
    delay = "6h"

    retention {
      daily = 30
    }
  }

  vault {
    name = dram_vault.attic.name
  }

  transfer {
    parallel  = 8
    bandwidth = "40Mi/s"
  }

  verify {
    level = "restore"
    every = "1w"
  }
}

resource "dram_protection_policy" "nightly" {
  name = "nightly"

  objectives {
    rpo = "4d"
  }

  schedule {
    cron     = "15 3 * * MON-SAT"
    timezone = "America/New_York"
    jitter   = "10m"
    missed   = "skip"

    window {
      from = "22:00"
      to   = "06:00"
    }
  }

  vault {
    name = dram_vault.nas.name
  }

  verify {
    every  = "2d"
    sample = "20%"
  }

  anomaly {
    change_rate = "40Gi/d"
    action      = "hold"
  }
}

resource "dram_application" "shop" {
  name   = "shop"
  site   = dram_recovery_site.office.name
  policy = dram_protection_policy.hourly.name

  component {
    name = "db"

    host {
      paths   = ["/opt/shop"]
      exclude = ["__pycache__/"]

      dump {
        command {
          run     = ["python3", "opt/shop/shop.py", "dump"]
          dir     = "/opt"
          timeout = "10m"
        }

        restore {
          shell   = "python3 opt/shop/shop.py load\necho \"loaded\"\n"
          timeout = "20m"
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
      paths  = ["/srv/shop"]
      device = "/dev/shop/uploads"

      service {
        start {
          run = ["shop", "start"]
        }

        stop {
          shell = "shop stop"
        }
      }
    }

    data {
      size        = "4Gi"
      change_rate = "500Mi/d"
    }

    health {
      timeout      = "30s"
      start_period = "2m"

      http {
        url    = "http://127.0.0.1:8080/up"
        status = 204
        body   = "\"site\": \"$${DRAM_SITE}\""
      }
    }

    health {
      exec {
        shell   = "shop status"
        dir     = "/srv/shop"
        timeout = "5s"
      }
    }
  }

  component {
    name = "mail"

    host {
      paths   = ["/srv/mail", "/srv/lists", "/etc/2026"]
      exclude = ["*.lock"]
      device  = "/dev/mail/2026"

      dump {
        command {
          run = ["mailctl", "--home=/srv/mail"]
          dir = "/srv/mail"
        }

        restore {
          shell   = "mailctl --home='/srv/mail' --greeting='2026' load"
          timeout = "10m"
        }
      }

      service {
        start {
          shell = "mailctl start"
        }

        stop {
          run = ["mailctl", "stop"]
        }
      }
    }

    data {
      size        = "2Gi"
      change_rate = "40Mi/d"
    }

    health {
      timeout      = "7s"
      start_period = "3m"

      http {
        url  = "http://127.0.0.1:8025/up"
        body = "$${DRAM_SITE}"
      }
    }

    health {
      exec {
        run = ["mailctl", "up"]
      }
    }
  }

  consistency_group {
    name    = "all"
    members = ["db", "web"]
  }

  hook {
    at        = "before-freeze"
    on        = "component"
    component = "web"
    run       = ["shop", "rest"]
    dir       = "/srv/shop"
    timeout   = "10s"
    on_error  = "fail"
  }

  hook {
    at    = "after-thaw"
    on    = "site"
    shell = "shop go"
  }

  hook {
    at        = "after-start"
    on        = "engine"
    component = "web"
    on_error  = "continue"

    http {
      url    = "https://desk.example/up"
      method = "put"
      body   = "$${DRAM_COMPONENT}"
      status = 202
    }
  }

  hook {
    at = "before-restore"

    wait {
      timeout      = "4s"
      start_period = "3m"

      exec {
        run = ["shop", "is", "free"]
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

  mappings {
    path {
      values = {
        "/srv/shop" = "/srv/branch/shop"
      }
      on_missing = "fail"
    }
  }
}
