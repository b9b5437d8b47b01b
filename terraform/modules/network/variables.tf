variable "namespace" {
  description = "Namespace of the network."
  type        = string
}

variable "name" {
  description = "Name of the network."
  type        = string
}

variable "vlan" {
  description = "VLAN id; 0 for untagged."
  type        = number
}

variable "cluster_network" {
  description = "Cluster network that carries it. It must exist."
  type        = string
}

variable "cidr" {
  description = "The network's own, such as 10.20.0.0/24; null to have Harvester find out."
  type        = string
  default     = null
}

variable "gateway" {
  description = "Its gateway; null where cidr is."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the network."
  type        = map(string)
  default     = {}
}

variable "timeout" {
  description = "How long making or removing it may take, as a Go duration."
  type        = string
}
