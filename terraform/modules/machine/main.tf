locals {
  # Kubernetes writes a quantity back with the largest unit that fits; written otherwise it would look changed.
  units = [
    { octets = 1099511627776, suffix = "Ti" },
    { octets = 1073741824, suffix = "Gi" },
    { octets = 1048576, suffix = "Mi" },
  ]
  memory = [for unit in local.units : "${var.memory / unit.octets}${unit.suffix}" if var.memory % unit.octets == 0][0]
  size   = [for unit in local.units : "${var.disk / unit.octets}${unit.suffix}" if var.disk % unit.octets == 0][0]
}

# The provider has no argument for affinity. Each machine it makes carries, by itself, a preference (weight 100) for a
# host without another machine of its making (DefaultPodAntiAffinity in its constructor), so servers are spread as far
# as there are hosts. `node_selector` is the means to insist.
resource "harvester_virtualmachine" "this" {
  namespace   = var.namespace
  name        = var.name
  hostname    = var.name
  description = var.description
  tags        = var.tags

  cpu           = var.cpus
  memory        = local.memory
  machine_type  = "q35"
  efi           = var.efi
  secure_boot   = var.secure_boot
  node_selector = length(var.node_selector) == 0 ? null : var.node_selector
  run_strategy  = var.running ? "RerunOnFailure" : "Halted"
  # A changed machine is restarted by people, at their time: it may be a member of a running cluster.
  restart_after_update = false

  disk {
    name        = "root"
    type        = "disk"
    bus         = var.disk_bus
    size        = local.size
    boot_order  = 1
    image       = var.image
    auto_delete = !var.keep_disk
  }

  dynamic "disk" {
    for_each = var.cds
    content {
      name        = disk.value.name
      type        = "cd-rom"
      bus         = "sata"
      size        = "10Gi"
      boot_order  = disk.value.boot_order
      image       = disk.value.image
      auto_delete = true
    }
  }

  network_interface {
    name         = "nic-1"
    type         = "bridge"
    model        = var.nic_model
    mac_address  = var.mac
    network_name = var.network
    # A lease is seen only with qemu-guest-agent in the guest; who applies this looks for the machine itself.
    wait_for_lease = false
  }

  dynamic "tpm" {
    for_each = var.tpm ? [1] : []
    content {
    }
  }

  # A mouse that points where it is clicked, for installing by hand in the console.
  dynamic "input" {
    for_each = length(var.cds) > 0 ? [1] : []
    content {
      name = "tablet"
      type = "tablet"
      bus  = "usb"
    }
  }

  dynamic "cloudinit" {
    for_each = var.user_data_secret == null ? [] : [1]
    content {
      type                     = "noCloud"
      user_data_secret_name    = var.user_data_secret
      network_data_secret_name = var.network_data_secret
    }
  }

  timeouts {
    create  = var.timeout
    read    = "5m"
    update  = var.timeout
    delete  = var.timeout
    default = var.timeout
  }

  lifecycle {
    precondition {
      condition     = length(var.host_devices) == 0 || var.devices_by_api
      error_message = "${var.name} has host_devices, which this version of the provider cannot attach (it can from 1.9 on). Attach them through the API and say so: attach_host_devices_by_api."
    }
  }
}
