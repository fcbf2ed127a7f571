terraform {
  required_version = ">= 1.11"

  required_providers {
    dram = {
      source  = "dram-dev/dram"
      version = ">= 0.1.0"
    }
  }
}
