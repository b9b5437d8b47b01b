terraform {
  required_version = ">= 1.5.0"
  required_providers {
    harvester = {
      # The whole address: OpenTofu would look for a short one in a registry of its own.
      source = "registry.terraform.io/harvester/harvester"
      # Each line of Harvester has its own; the one that fits is the only one in the mirror.
      version = ">= 1.7.0, < 1.10.0"
    }
  }
}

# The cluster comes by the environment variable KUBECONFIG, so that no path and no token is in a plan.
provider "harvester" {
}
