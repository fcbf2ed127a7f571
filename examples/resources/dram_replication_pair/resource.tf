resource "dram_replication_pair" "shop" {
  name     = "shop"
  sites    = [dram_recovery_site.office.name, dram_recovery_site.branch.name]
  mode     = "async"
  interval = "15m"
  via      = "vault"

  applications {
    names = [dram_application.shop.name]
  }
}
