# The contract with appliance/vms/variables.py, which writes terraform.tfvars.json from the Plan.
# Nothing here is secret: user data is named, never given; the kubeconfig comes by KUBECONFIG.

variable "site_id" {
  description = "Identity of the site. It becomes the tag `bridgehead-site` of everything made here."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.site_id))
    error_message = "site_id is a DNS label: small letters, digits and hyphens, 63 at most."
  }
}

variable "namespace" {
  description = "Namespace of everything made here. It must exist; `default` always does."
  type        = string
  default     = "default"
}

variable "tags" {
  description = "Further tags of everything made here; a tag becomes the label tag.harvesterhci.io/<name>."
  type        = map(string)
  default     = {}
}

variable "images" {
  description = <<-EOT
    Disk images by name. Harvester fetches each itself.
      file          name for people; default: the image's name. A valid label value, unique in the namespace.
      url           http(s) address, read once, when the image is made: a later change of it alone changes nothing.
      sha512        SHA-512 of the file, 128 hexadecimal digits. Another digest is another image: replaced.
      storage_class storage class whose settings the image's own class takes over; default: Harvester's.
  EOT
  type = map(object({
    file          = optional(string)
    url           = string
    sha512        = string
    storage_class = optional(string)
  }))
  default = {}
  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("^[0-9a-f]{128}$", image.sha512))])
    error_message = "sha512 of an image is 128 small hexadecimal digits."
  }
}

variable "networks" {
  description = <<-EOT
    Networks for virtual machines by name.
      vlan            VLAN id, 0 for untagged.
      cluster_network Harvester's cluster network that carries it; `mgmt` always exists.
      cidr, gateway   the network's own, such as 10.20.0.0/24 and 10.20.0.1; both or neither. With neither
                      Harvester looks for a DHCP server to learn them.
  EOT
  type = map(object({
    vlan            = optional(number, 0)
    cluster_network = optional(string, "mgmt")
    cidr            = optional(string)
    gateway         = optional(string)
  }))
  default = {}
  validation {
    condition     = alltrue([for net in values(var.networks) : net.vlan >= 0 && net.vlan <= 4094])
    error_message = "vlan is 0 (untagged) to 4094."
  }
  validation {
    condition     = alltrue([for net in values(var.networks) : (net.cidr == null) == (net.gateway == null)])
    error_message = "A network has both cidr and gateway, or neither."
  }
}

variable "vms" {
  description = <<-EOT
    Virtual machines by name; the name is also the host name. Sizes are in octets, whole MiB.
      kind             staging, server, agent or plain; becomes the tag `bridgehead-kind`.
      description      for people.
      cpus             virtual CPUs.
      memory, disk     octets.
      network          name in `networks`.
      mac              six pairs of small hexadecimal digits with colons.
      nic_model        virtio, or e1000 for systems without a driver.
      image            name in `images` that the disk starts from. Either this ...
      iso              ... or this: name in `images` of a CD to install from, beside a blank disk. The disk comes
                       first in the boot order, so that the CD is started only while the disk is blank.
      driver_disk      name in `images` of a second CD, with drivers.
      disk_bus         virtio, sata or scsi.
      efi, secure_boot, tpm   firmware; secure_boot needs efi.
      host_devices     PCI and USB devices of the host: `name` unique in the machine, `device_name` the resource
                       name Harvester lists. See attach_host_devices_by_api.
      node_selector    labels a host must have to run this machine.
      user_data_secret name of a Secret in the namespace with key `userdata`, made outside of this module because
                       it holds private keys. Default: the machine has no cloud-init disk.
      network_data     netplan v2 text, public; the module makes the Secret <name>-network-data of it.
      running          false: kept stopped.
      keep_disk        true: the disk outlives the machine.
  EOT
  type = map(object({
    kind             = string
    description      = optional(string)
    cpus             = number
    memory           = number
    disk             = number
    network          = string
    mac              = string
    nic_model        = optional(string, "virtio")
    image            = optional(string)
    iso              = optional(string)
    driver_disk      = optional(string)
    disk_bus         = optional(string, "virtio")
    efi              = optional(bool, true)
    secure_boot      = optional(bool, false)
    tpm              = optional(bool, false)
    host_devices     = optional(list(object({ name = string, device_name = string })), [])
    node_selector    = optional(map(string), {})
    user_data_secret = optional(string)
    network_data     = optional(string)
    running          = optional(bool, true)
    keep_disk        = optional(bool, false)
  }))
  default = {}
  validation {
    condition     = alltrue([for vm in values(var.vms) : contains(["staging", "server", "agent", "plain"], vm.kind)])
    error_message = "kind is staging, server, agent or plain."
  }
  validation {
    condition     = alltrue([for vm in values(var.vms) : (vm.image == null) != (vm.iso == null)])
    error_message = "A machine has either image or iso."
  }
  validation {
    condition     = alltrue([for vm in values(var.vms) : vm.efi || !vm.secure_boot])
    error_message = "secure_boot needs efi."
  }
  validation {
    condition     = alltrue([for vm in values(var.vms) : vm.memory % 1048576 == 0 && vm.disk % 1048576 == 0])
    error_message = "memory and disk are octets, whole MiB (multiples of 1048576)."
  }
  validation {
    condition     = alltrue([for vm in values(var.vms) : can(regex("^([0-9a-f]{2}:){5}[0-9a-f]{2}$", vm.mac))])
    error_message = "mac is six pairs of small hexadecimal digits with colons."
  }
  validation {
    condition     = length(distinct([for vm in values(var.vms) : vm.mac])) == length(var.vms)
    error_message = "Two machines have the same mac."
  }
}

variable "attach_host_devices_by_api" {
  description = <<-EOT
    The provider has `host_device` from 1.9 on, not in 1.8. While this is false a machine with host_devices is
    refused. True says: whoever applies this attaches the output `host_devices` through Harvester's API afterwards;
    the provider leaves what stands there alone.
  EOT
  type        = bool
  default     = false
}

variable "timeouts" {
  description = "How long each kind of thing may take, as Go durations. The provider's own are 1 to 5 minutes."
  type = object({
    image   = optional(string, "60m")
    network = optional(string, "5m")
    secret  = optional(string, "5m")
    machine = optional(string, "20m")
  })
  default = {}
}
