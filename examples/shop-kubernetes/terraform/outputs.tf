output "worst_case_rpo_seconds" {
  description = "The most time whose changes may be lost, proved, by application."
  value = {
    shop = dram_application.shop.worst_case_rpo_seconds
  }
}
