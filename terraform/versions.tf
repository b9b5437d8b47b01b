terraform {
  required_version = ">= 1.5.0"
  required_providers {
    harvester = {
      # The whole address: OpenTofu would look for a short one in a registry of its own.
      source  = "registry.terraform.io/harvester/harvester"
      version = ">= 1.7.1, < 2.0.0"
    }
  }
}

# The cluster comes by the environment variable KUBECONFIG, so that no path and no token is in a plan.
provider "harvester" {
}
