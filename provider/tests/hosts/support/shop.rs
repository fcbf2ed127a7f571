//! A small shop: two sites, a vault, a policy, an application and its recovery plan.

/// The resources.
pub(crate) const SHOP: &str = r#"
resource "dram_recovery_site" "office" {
  name           = "office"
  failure_domain = "office"
  bandwidth      = "12Mi/s"
  host {
    root = "/srv/office"
  }
}

resource "dram_recovery_site" "branch" {
  name           = "branch"
  failure_domain = "branch"
  bandwidth      = "12Mi/s"
  host {
    root = "/srv/branch"
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
  # protection
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
    daily = 14
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
          shell = "cat db"
        }
        restore {
          shell = "cat > db"
        }
      }
    }
    data {
      size        = "4Gi"
      change_rate = "500Mi/d"
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
          run = ["/usr/bin/env", "true"]
        }
      }
    }
    data {
      size        = "1Gi"
      change_rate = "100Mi/d"
    }
    health {
      http {
        url  = "http://127.0.0.1:8080/up"
        body = "$${DRAM_SITE}"
      }
      timeout = "2s"
    }
  }
  # protection
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
        "/srv/shop" = "/srv/elsewhere"
      }
    }
  }
}
"#;

/// Vaults in stores and a policy that copies into them; what has a default is written out.
pub(crate) const STORES: &str = r#"
resource "dram_vault" "bucket" {
  name                = "bucket"
  failure_domain      = "bucket"
  capacity            = "2Ti"
  warn_at             = "80%"
  deletion_protection = false
  s3 {
    bucket     = "shop-vault"
    prefix     = "dram/shop"
    region     = "eu-central-1"
    endpoint   = "https://objects.example"
    path_style = true
    credentials {
      shared_profile = "writer"
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
    period = "7d"
  }
}

resource "dram_vault" "container" {
  name                = "container"
  failure_domain      = "container"
  deletion_protection = false
  swift {
    cloud     = "attic"
    container = "shop"
  }
  password {
    file = "/etc/dram/key"
  }
}

resource "dram_protection_policy" "hourly" {
  name = "hourly"
  objectives {
    rpo = "75m"
  }
  retention {
    daily = 14
  }
  vault {
    name = dram_vault.bucket.name
  }
  vault {
    name  = dram_vault.container.name
    delay = "24h"
    retention {
      daily         = 30
      keep_verified = 1
    }
  }
  transfer {
    parallel  = 8
    bandwidth = "8Mi/s"
  }
}
"#;

/// The policy of the shop as somebody else changes it.
pub(crate) const POLICY: &str = r#"{
  "apiVersion": "dram.dev/v1", "kind": "ProtectionPolicy", "metadata": {"name": "hourly"},
  "spec": {
    "objectives": {"rpo": "75m", "rto": "30m"}, "schedule": [{"every": "1h"}],
    "retention": {"daily": 30}, "vaults": [{"name": "nas"}]
  }
}"#;
