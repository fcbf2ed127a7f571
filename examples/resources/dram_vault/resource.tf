resource "dram_vault" "nas" {
  name           = "nas"
  failure_domain = "nas"

  directory {
    path = "/mnt/nas/dram"
  }

  # A reference: the secret itself never enters Terraform.
  password {
    file = "/etc/dram/key"
  }
}

# A bucket that refuses to give up what is locked.
resource "dram_vault" "bucket" {
  name           = "bucket"
  failure_domain = "aws-eu-central-1"
  capacity       = "500Gi"
  warn_at        = "80%"

  s3 {
    bucket = "shop-vault"
    prefix = "dram"
    region = "eu-central-1"

    # Who writes cannot delete; who deletes works only where `dram prune` runs.
    credentials {
      shared_profile = "dram"
    }
    prune_credentials {
      shared_profile = "dram-pruner"
    }
  }

  password {
    file = "/etc/dram/bucket.key"
  }

  lock {
    mode   = "compliance"
    period = "2w"
  }
}

# A container of a private cloud, as the engine's `clouds.yaml` names it.
resource "dram_vault" "container" {
  name           = "container"
  failure_domain = "cloud"

  swift {
    cloud     = "backup"
    container = "shop-vault"
  }

  password {
    env = "DRAM_VAULT_PASSWORD"
  }
}
