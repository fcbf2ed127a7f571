# The shop in a Kubernetes cluster, with a second cluster in another region where it can come back.
# The engine does not reach clusters yet, and says so: `dramc` checks, proves and compiles this model, and `dram apply`
# refuses it.
provider "dram" {
  catalog = var.catalog

  dynamic "engine" {
    for_each = var.engine == null ? [] : [var.engine]

    content {
      exec = engine.value
    }
  }
}

resource "dram_recovery_site" "frankfurt" {
  name           = "frankfurt"
  failure_domain = "aws-eu-central-1"
  region         = "eu-central-1"
  bandwidth      = "200Mi/s"

  kubernetes {
    context = "frankfurt"

    kubeconfig {
      file = "/etc/dram/clusters.yaml"
    }
  }

  fencing {
    guard {
      ttl = "2m"
    }
  }
}

resource "dram_recovery_site" "stockholm" {
  name           = "stockholm"
  failure_domain = "aws-eu-north-1"
  region         = "eu-north-1"
  bandwidth      = "100Mi/s"

  kubernetes {
    context = "stockholm"

    kubeconfig {
      file = "/etc/dram/clusters.yaml"
    }
  }

  capacity {
    cpu     = 32
    memory  = "128Gi"
    storage = "2Ti"
  }
}

resource "dram_vault" "bucket" {
  name           = "bucket"
  failure_domain = "aws-eu-west-3"

  s3 {
    bucket = "shop-vault"
    region = "eu-west-3"

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
    mode   = "governance"
    period = "7d"
  }
}

resource "dram_protection_policy" "gold" {
  name        = "gold"
  consistency = "application"

  objectives {
    rpo        = "40m"
    rto        = "2h"
    max_freeze = "20s"
  }

  applies_to {
    labels = {
      tier = "gold"
    }
  }

  schedule {
    every  = "30m"
    jitter = "5m"
  }

  method {
    match {
      kind = "claim"
    }

    csi_snapshot {
      class    = "ebs-snapshots"
      tracking = "diff"
    }
  }

  retention {
    last   = 48
    daily  = 14
    weekly = 8
  }

  vault {
    name = dram_vault.bucket.name
  }
}

resource "dram_application" "shop" {
  name = "shop"
  labels = {
    tier = "gold"
  }
  site   = dram_recovery_site.frankfurt.name
  policy = dram_protection_policy.gold.name

  component {
    name = "db"

    kubernetes {
      namespace = "shop"
      claims    = "snapshot"

      selector {
        labels = {
          app = "shop-db"
        }
      }
    }

    data {
      size        = "40Gi"
      change_rate = "6Gi/d"
    }

    health {
      ready {}
    }
  }

  component {
    name = "uploads"

    kubernetes {
      namespace = "shop"
      claims    = "files"

      selector {
        labels = {
          app = "shop-uploads"
        }
      }
    }

    data {
      size        = "80Gi"
      change_rate = "2Gi/d"
    }
  }

  component {
    name   = "web"
    after  = ["db", "uploads"]
    images = "record"

    kubernetes {
      namespace = "shop"
      claims    = "exclude"

      selector {
        labels = {
          app = "shop-web"
        }
      }

      resources {
        exclude = ["secrets"]
      }
    }

    data {
      size        = "1Mi"
      change_rate = "1Mi/d"
    }

    health {
      start_period = "3m"

      http {
        url = "https://shop.example/up"
      }
    }
  }

  component {
    name     = "cache"
    critical = false
    protect  = "exclude"

    kubernetes {
      namespace = "shop"
      claims    = "exclude"

      selector {
        labels = {
          app = "shop-cache"
        }
      }
    }
  }

  hook {
    at        = "before-freeze"
    component = "db"
    run       = ["psql", "--command=CHECKPOINT"]
    container = "postgres"
    pod       = "first-ready"
    timeout   = "15s"
  }
}

resource "dram_recovery_plan" "shop" {
  name = "shop"

  applications {
    names = [dram_application.shop.name]
  }

  target {
    site = dram_recovery_site.stockholm.name
  }

  mappings {
    namespace {
      values = {
        shop = "shop-recovered"
      }
      on_missing = "fail"
    }

    storage_class {
      values = {
        gp3-fast = "gp3"
      }
    }

    registry {
      values = {
        "registry.frankfurt.example" = "registry.stockholm.example"
      }
    }
  }

  traffic {
    ttl = "1m"

    dns {
      route53 {
        zone_id = "Z0123456789ABCDEFGHIJ"
      }

      record {
        name = "shop.example"
        type = "cname"
        values = {
          frankfurt = "ingress.frankfurt.example"
          stockholm = "ingress.stockholm.example"
        }
      }
    }
  }

  drill {
    every = "30d"

    into {
      namespace = "shop-drill"
    }
  }
}
