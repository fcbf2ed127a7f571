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

  host {
    root = "/srv/branch"
  }
}

# A shop whose orders lie in PostgreSQL, and whose sessions lie in a server that a profile of our own knows (profiles/).
resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  bandwidth      = "50Mi/s"

  host {}
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
    daily   = 14
    monthly = 6
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
      dump {
        command {
          run = ["pg_dump", "--format=custom", "--compress=0", "--no-password", "--host=", "--port=", "--username=shop", "--", "shop"]
        }

        restore {
          shell = "set -e\nPGDATABASE=postgres PGCONNECT_TIMEOUT=10\nexport PGDATABASE PGCONNECT_TIMEOUT\nhost='' port='' user='shop' database='shop'\nset -- --host=\"$host\" --port=\"$port\" --username=\"$user\"\n# Whoever started the server returned once it was started, which is not yet up.\ntries=0\nuntil pg_isready --quiet \"$@\"; do\n  tries=$((tries + 1))\n  [ \"$tries\" -lt 60 ] || { pg_isready \"$@\" >&2; exit 1; }\n  sleep 1\ndone\ndropdb --if-exists --force --no-password --maintenance-db=postgres \"$@\" -- \"$database\"\npg_restore --create --exit-on-error --no-password --dbname=postgres \"$@\"\n"
        }
      }
    }

    data {
      size        = "4Gi"
      change_rate = "500Mi/d"
    }

    health {
      exec {
        run = ["pg_isready", "--host=", "--port=", "--username=shop", "--dbname=shop"]
      }
    }
  }

  component {
    name = "sessions"

    host {
      dump {
        command {
          run     = ["sessionctl", "--socket=/run/sessions.sock", "save"]
          timeout = "1m"
        }

        restore {
          run     = ["sessionctl", "--socket=/run/sessions.sock", "load"]
          timeout = "1m"
        }
      }

      service {
        start {
          run = ["systemctl", "start", "sessions"]
        }

        stop {
          run = ["systemctl", "stop", "sessions"]
        }
      }
    }

    data {
      size        = "64Mi"
      change_rate = "1Gi/d"
    }

    health {
      exec {
        run = ["sessionctl", "--socket=/run/sessions.sock", "ping"]
      }
    }
  }

  component {
    name  = "web"
    after = ["db", "sessions"]

    host {
      paths   = ["/srv/shop", "/srv/uploads"]
      exclude = ["*.log"]

      service {
        start {
          run = ["systemctl", "start", "shop"]
        }

        stop {
          run = ["systemctl", "stop", "shop"]
        }
      }
    }

    data {
      size        = "2Gi"
      change_rate = "100Mi/d"
    }

    health {
      http {
        url = "http://127.0.0.1:8080/up"
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
