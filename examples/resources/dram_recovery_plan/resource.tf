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
        "/uploads" = "/data/uploads"
      }
    }
  }
}
