# The shop on servers of an OpenStack cloud with two regions: it runs in the north and can come back in the south.
# The engine does not reach OpenStack yet, and says so: `dramc` checks, proves and compiles this model, and `dram apply`
# refuses it.
# `clouds.yaml` on the machine where the engine runs says how the cloud is reached; no password stands in a model.
provider "dram" {
  catalog = var.catalog

  dynamic "engine" {
    for_each = var.engine == null ? [] : [var.engine]

    content {
      exec = engine.value
    }
  }
}

resource "dram_recovery_site" "north" {
  name           = "north"
  failure_domain = "north"
  region         = "north-1"
  bandwidth      = "120Mi/s"

  openstack {
    cloud   = "provider"
    region  = "north-1"
    project = "shop"
  }

  fencing {
    network {
      command {
        run     = ["/usr/local/bin/cut-off", "north-1", "shop"]
        timeout = "2m"
      }
    }
  }
}

resource "dram_recovery_site" "south" {
  name           = "south"
  failure_domain = "south"
  region         = "south-1"
  bandwidth      = "120Mi/s"

  openstack {
    cloud   = "provider"
    region  = "south-1"
    project = "shop-recovery"
  }

  capacity {
    cpu     = 16
    memory  = "64Gi"
    storage = "1Ti"
  }
}

resource "dram_vault" "container" {
  name           = "container"
  failure_domain = "backup"
  capacity       = "2Ti"
  warn_at        = "80%"

  swift {
    cloud     = "backup"
    container = "shop-vault"
  }

  password {
    file = "/etc/dram/vault.key"
  }
}

resource "dram_protection_policy" "four-hourly" {
  name        = "four-hourly"
  consistency = "group"

  objectives {
    rpo = "5h"
    rto = "3h"
  }

  schedule {
    every = "4h"
  }

  method {
    match {
      kind = "volume"
    }

    image {
      tracking = "hash"
    }
  }

  method {
    match {
      kind = "server"
    }

    image {
      tracking = "hash"
    }
  }

  retention {
    last    = 12
    daily   = 14
    monthly = 3
  }

  vault {
    name = dram_vault.container.name
  }
}

resource "dram_application" "shop" {
  name   = "shop"
  site   = dram_recovery_site.north.name
  policy = dram_protection_policy.four-hourly.name

  component {
    name = "network"

    openstack {
      network {
        name = "shop-inner"
      }

      subnet {
        name = "shop-inner-v4"
      }

      router {
        name = "shop-edge"
      }

      security_group {
        name = "shop-db"
      }

      security_group {
        name = "shop-web"
      }

      key_pair {
        name = "shop-operators"
      }
    }
  }

  component {
    name  = "db"
    after = ["network"]

    openstack {
      server {
        name = "shop-db"
      }

      exclude {
        volume {
          name = "shop-db-temp"
        }
      }
    }

    data {
      size        = "120Gi"
      change_rate = "8Gi/d"
    }

    health {
      start_period = "5m"

      tcp {
        address = "10.20.0.10:5432"
      }
    }
  }

  component {
    name   = "web"
    after  = ["db"]
    images = "capture"

    openstack {
      server {
        tag = "shop-web"
      }

      volume {
        name = "shop-uploads"
      }

      floating_address {
        tag = "shop-web"
      }
    }

    data {
      size        = "200Gi"
      change_rate = "5Gi/d"
    }

    health {
      ready {}
    }

    health {
      start_period = "5m"

      http {
        url = "https://shop.example/up"
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
    site = dram_recovery_site.south.name
  }

  mappings {
    storage_class {
      values = {
        ssd = "ssd-replicated"
      }
    }

    network {
      values = {
        public-north = "public-south"
      }
    }

    subnet {
      values = {
        public-north-v4 = "public-south-v4"
      }
    }

    flavor {
      values = {
        "m2.large"  = "m2.large"
        "m2.xlarge" = "c3.xlarge"
      }
      on_missing = "fail"
    }

    image {
      values = {
        debian-12-north = "debian-12-south"
      }
    }

    zone {
      values = {
        north-1a = "south-1a"
        north-1b = "south-1a"
      }
      on_missing = "fail"
    }

    cidr {
      values = {
        "10.20.0.0/24" = "10.30.0.0/24"
      }
    }
  }

  traffic {
    ttl = "30s"

    http {
      url    = "https://balancer.example/shop"
      method = "put"
      body   = "$${DRAM_SITE}"
    }
  }

  drill {
    every = "90d"
    start = ["shop/db"]

    into {
      network = "shop-drill"
    }
  }
}
