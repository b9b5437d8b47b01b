variable "namespace" {
  description = "Namespace of the machine."
  type        = string
}

variable "name" {
  description = "Name and host name."
  type        = string
}

variable "description" {
  description = "For people."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the machine."
  type        = map(string)
  default     = {}
}

variable "cpus" {
  description = "Virtual CPUs."
  type        = number
}

variable "memory" {
  description = "Octets, whole MiB."
  type        = number
}

variable "disk" {
  description = "Octets, whole MiB."
  type        = number
}

variable "disk_bus" {
  description = "virtio, sata or scsi."
  type        = string
}

variable "keep_disk" {
  description = "Whether the disk outlives the machine."
  type        = bool
}

variable "network" {
  description = "Id of the network."
  type        = string
}

variable "mac" {
  description = "MAC address."
  type        = string
}

variable "nic_model" {
  description = "virtio or e1000."
  type        = string
}

variable "image" {
  description = "Id of the image the disk starts from; null for a blank disk."
  type        = string
  default     = null
}

variable "cds" {
  description = "CDs by name: id of the image, place in the boot order (0: none). The disk is the first there."
  # A list that is put together where it is known how long it is: what an unknown id is compared with is unknown too,
  # and with it the number of blocks.
  type = list(object({
    name       = string
    image      = string
    boot_order = number
  }))
  default = []
}

variable "efi" {
  description = "UEFI firmware; else BIOS."
  type        = bool
}

variable "secure_boot" {
  description = "Secure Boot; needs efi."
  type        = bool
}

variable "tpm" {
  description = "A TPM of its own."
  type        = bool
}

variable "host_devices" {
  description = "PCI and USB devices of the host."
  type        = list(object({ name = string, device_name = string }))
  default     = []
}

variable "devices_by_api" {
  description = "Whether who applies this attaches host_devices through the API."
  type        = bool
  default     = false
}

variable "node_selector" {
  description = "Labels a host must have."
  type        = map(string)
  default     = {}
}

variable "user_data_secret" {
  description = "Name of the Secret with user data, or null."
  type        = string
  default     = null
}

variable "network_data_secret" {
  description = "Name of the Secret with network data, or null."
  type        = string
  default     = null
}

variable "running" {
  description = "Whether it is to run."
  type        = bool
}

variable "timeout" {
  description = "How long making, changing or removing it may take, as a Go duration."
  type        = string
}
