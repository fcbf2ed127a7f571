# From one site to two others: the shop runs in the hall, comes back next door in the annex within minutes, or, if both
# burn, at the harbour from the vault. Pairs, waves over two applications, and traffic are proved and compiled; the engine
# restores between hosts of one machine today, and refuses the rest by name.
provider "dram" {
  catalog = var.catalog

  dynamic "engine" {
    for_each = var.engine == null ? [] : [var.engine]

    content {
      exec = engine.value
    }
  }
}

resource "dram_recovery_site" "annex" {
  name           = "annex"
  failure_domain = "annex"
  bandwidth      = "110Mi/s"

  host {
    address = "ssh://dram@annex.example:22"

    identity {
      file = "/etc/dram/id"
    }
  }

  capacity {
    storage = "2Ti"
  }
}

resource "dram_recovery_site" "hall" {
  name           = "hall"
  failure_domain = "hall"
  bandwidth      = "110Mi/s"

  host {
    address = "ssh://dram@hall.example:22"

    identity {
      file = "/etc/dram/id"
    }
  }

  fencing {
    power {
      command {
        run     = ["/usr/local/bin/outlet", "off", "hall"]
        timeout = "1m"
      }
    }
  }
}

resource "dram_recovery_site" "harbour" {
  name           = "harbour"
  failure_domain = "harbour"
  bandwidth      = "40Mi/s"

  host {
    address = "ssh://dram@harbour.example:22"
    root    = "/srv/recovery"

    identity {
      file = "/etc/dram/id"
    }
  }

  capacity {
    storage = "1Ti"
  }
}

resource "dram_vault" "cellar" {
  name           = "cellar"
  failure_domain = "cellar"

  directory {
    path = "/mnt/cellar/dram"
  }

  password {
    file = "/etc/dram/cellar.key"
  }
}

resource "dram_vault" "far-away" {
  name           = "far-away"
  failure_domain = "aws-eu-north-1"

  s3 {
    bucket = "shop-far-away"
    region = "eu-north-1"

    credentials {
      shared_profile = "dram"
    }

    prune_credentials {
      shared_profile = "dram-pruner"
    }
  }

  password {
    file = "/etc/dram/far-away.key"
  }

  lock {
    mode   = "compliance"
    period = "14d"
  }
}

resource "dram_protection_policy" "business" {
  name = "business"

  objectives {
    rpo = "45m"
    rto = "4h"
  }

  schedule {
    every = "30m"
  }

  retention {
    last          = 48
    daily         = 14
    keep_verified = 2
  }

  vault {
    name = dram_vault.cellar.name
  }

  vault {
    name = dram_vault.far-away.name

    retention {
      daily   = 30
      monthly = 12
    }
  }

  verify {
    level = "restore"
    every = "7d"
  }

  alerts {
    rpo_at = "90%"

    notify {
      email {
        to = ["operators@shop.example"]
      }
    }
  }
}

resource "dram_application" "shop" {
  name = "shop"
  labels = {
    business = "shop"
  }
  site   = dram_recovery_site.hall.name
  policy = dram_protection_policy.business.name

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
      size        = "60Gi"
      change_rate = "6Gi/d"
    }

    health {
      exec {
        run = ["pg_isready", "--host=", "--port=", "--username=shop", "--dbname=shop"]
      }
    }
  }

  component {
    name  = "web"
    after = ["db"]

    host {
      paths   = ["/srv/shop"]
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
      size        = "30Gi"
      change_rate = "1Gi/d"
    }

    health {
      http {
        url  = "http://127.0.0.1:8080/up"
        body = "\"site\": \"$${DRAM_SITE}\""
      }
    }
  }
}

resource "dram_application" "stock" {
  name = "stock"
  labels = {
    business = "shop"
  }
  site   = dram_recovery_site.hall.name
  policy = dram_protection_policy.business.name

  component {
    name = "db"

    host {
      dump {
        command {
          shell = "set -e\ndatabase='stock' host='127.0.0.1' port='' socket='' user='' options='/etc/dram/stock.cnf'\ndump=$(command -v mysqldump || command -v mariadb-dump) ||\n  { echo \"there is neither mysqldump nor mariadb-dump: install the server's client programs\" >&2; exit 1; }\n# The programs take this one only as the first.\nset --\n[ -z \"$options\" ] || set -- --defaults-extra-file=\"$options\"\n[ -z \"$host\" ] || set -- \"$@\" --host=\"$host\"\n[ -z \"$port\" ] || set -- \"$@\" --port=\"$port\"\n[ -z \"$socket\" ] || set -- \"$@\" --socket=\"$socket\"\n[ -z \"$user\" ] || set -- \"$@\" --user=\"$user\"\nknows=$(\"$dump\" --no-defaults --help)\n# MySQL's own: another server would refuse its transaction numbers, an older one lacks these statistics.\ncase $knows in *set-gtid-purged*) set -- \"$@\" --set-gtid-purged=OFF ;; esac\ncase $knows in *column-statistics*) set -- \"$@\" --column-statistics=0 ;; esac\n# Without its date, a dump of the same data is the same dump.\nexec \"$dump\" \"$@\" --single-transaction --quick --routines --triggers --events --hex-blob --no-tablespaces \\\n  --skip-dump-date --default-character-set=utf8mb4 --max-allowed-packet=1G \\\n  --add-drop-database --databases -- \"$database\"\n"
        }

        restore {
          shell = "set -e\ndatabase='stock' host='127.0.0.1' port='' socket='' user='' options='/etc/dram/stock.cnf'\nclient=$(command -v mysql || command -v mariadb) ||\n  { echo \"there is neither mysql nor mariadb: install the server's client programs\" >&2; exit 1; }\nset --\n[ -z \"$options\" ] || set -- --defaults-extra-file=\"$options\"\n[ -z \"$host\" ] || set -- \"$@\" --host=\"$host\"\n[ -z \"$port\" ] || set -- \"$@\" --port=\"$port\"\n[ -z \"$socket\" ] || set -- \"$@\" --socket=\"$socket\"\n[ -z \"$user\" ] || set -- \"$@\" --user=\"$user\"\n# Whoever started the server returned once it was started, which is not yet up.\ntries=0\nuntil said=$(\"$client\" \"$@\" --batch --execute='SELECT 1' </dev/null 2>&1); do\n  tries=$((tries + 1))\n  case $said in *'ERROR 20'*) ;; *) tries=60 ;; esac\n  [ \"$tries\" -lt 60 ] || { echo \"$said\" >&2; exit 1; }\n  sleep 1\ndone\n# Who is in the database would hold the restore up. A database that is missing has nobody in it.\n\"$client\" \"$@\" --batch --skip-column-names --database=\"$database\" --execute=\"SELECT CONCAT('KILL ', id)\n  FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()\" </dev/null 2>&- |\n  while read -r kill; do \"$client\" \"$@\" --execute=\"$kill\" </dev/null 2>&- || :; done || :\n# Who could not be ended, and holds a lock, is told of instead of waited for.\nexec \"$client\" \"$@\" --batch --binary-mode --default-character-set=utf8mb4 --max-allowed-packet=1G \\\n  --init-command='SET SESSION lock_wait_timeout = 60'\n"
        }
      }
    }

    data {
      size        = "20Gi"
      change_rate = "2Gi/d"
    }

    health {
      exec {
        shell = "database='stock' host='127.0.0.1' port='' socket='' user='' options='/etc/dram/stock.cnf'\nclient=$(command -v mysql || command -v mariadb) ||\n  { echo \"there is neither mysql nor mariadb: install the server's client programs\" >&2; exit 1; }\nset --\n[ -z \"$options\" ] || set -- --defaults-extra-file=\"$options\"\n[ -z \"$host\" ] || set -- \"$@\" --host=\"$host\"\n[ -z \"$port\" ] || set -- \"$@\" --port=\"$port\"\n[ -z \"$socket\" ] || set -- \"$@\" --socket=\"$socket\"\n[ -z \"$user\" ] || set -- \"$@\" --user=\"$user\"\nexec \"$client\" \"$@\" --batch --database=\"$database\" --execute='SELECT 1' >/dev/null\n"
      }
    }
  }
}

resource "dram_replication_pair" "campus" {
  name      = "campus"
  sites     = [dram_recovery_site.hall.name, dram_recovery_site.annex.name]
  mode      = "async"
  interval  = "10m"
  via       = "vault"
  bandwidth = "60Mi/s"

  applications {
    names = [dram_application.shop.name, dram_application.stock.name]
  }
}

resource "dram_recovery_plan" "business" {
  name     = "business"
  strategy = "pilot-light"

  applications {
    names = [dram_application.shop.name, dram_application.stock.name]
  }

  target {
    site     = dram_recovery_site.annex.name
    priority = 10
  }

  target {
    site     = dram_recovery_site.harbour.name
    priority = 20
  }

  mappings {
    path {
      values = {
        "/srv/shop" = "/srv/www/shop"
      }
    }
  }

  wave {
    members = ["stock", "shop/db"]
  }

  wave {
    members = ["shop/web"]
  }

  traffic {
    ttl = "5m"

    dns {
      rfc2136 {
        server   = "ns.shop.example"
        zone     = "shop.example"
        key_name = "dram"

        key {
          file = "/etc/dram/dns.key"
        }
      }

      record {
        name = "www.shop.example"
        values = {
          hall    = "192.0.2.10"
          annex   = "192.0.2.20"
          harbour = "198.51.100.10"
        }
      }
    }
  }

  failback {
    mode = "delta"
    when = "offered"
  }

  automation {
    mode = "approval"

    detect {
      every    = "30s"
      failures = 4
    }
  }

  approvals {
    failover = 2
    failback = 1
  }
}
