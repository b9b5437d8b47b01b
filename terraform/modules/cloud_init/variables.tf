variable "namespace" {
  description = "Namespace of the Secret."
  type        = string
}

variable "name" {
  description = "Name of the Secret."
  type        = string
}

variable "network_data" {
  description = "netplan v2 text, public."
  type        = string
}

variable "tags" {
  description = "Tags of the Secret."
  type        = map(string)
  default     = {}
}

variable "timeout" {
  description = "How long making or removing it may take, as a Go duration."
  type        = string
}
