resource "dram_application" "shop" {
  name   = "shop"
  site   = dram_recovery_site.office.name
  policy = dram_protection_policy.hourly.name

  component {
    name = "db"

    # A running database is dumped, not copied.
    host {
      dump {
        command {
          run = ["/usr/local/bin/shop", "dump"]
        }
        restore {
          run = ["/usr/local/bin/shop", "load"]
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
      paths   = ["/uploads"]
      exclude = ["*.tmp"]

      service {
        start {
          shell = "systemctl start shop"
        }
        stop {
          shell = "systemctl stop shop"
        }
      }
    }

    data {
      size        = "1Gi"
      change_rate = "100Mi/d"
    }

    health {
      http {
        url = "http://127.0.0.1:8080/up"
      }
    }
  }
}

output "worst_case_rpo" {
  value = dram_application.shop.worst_case_rpo_seconds
}
