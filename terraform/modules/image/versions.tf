terraform {
  required_version = ">= 1.5.0"
  required_providers {
    harvester = {
      source = "registry.terraform.io/harvester/harvester"
    }
  }
}
