variable "catalog" {
  description = "Address of the catalog that keeps the declarations."
  type        = string
  default     = "file:///tmp/dram-shop/catalog"
}

variable "engine" {
  description = "The dram program that carries declarations out during the apply; null where `dram reconcile` is run by hand."
  type        = string
  default     = null
}
