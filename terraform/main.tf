locals {
  # Tags, not labels: the server adds labels of its own, which the provider then reads back as a difference.
  tags = merge(var.tags, { "bridgehead-site" = var.site_id })
}

module "image" {
  source   = "./modules/image"
  for_each = var.images

  namespace     = var.namespace
  name          = each.key
  file          = coalesce(each.value.file, each.key)
  url           = each.value.url
  sha512        = each.value.sha512
  storage_class = each.value.storage_class
  tags          = local.tags
  timeout       = var.timeouts.image
}

module "network" {
  source   = "./modules/network"
  for_each = var.networks

  namespace       = var.namespace
  name            = each.key
  vlan            = each.value.vlan
  cluster_network = each.value.cluster_network
  cidr            = each.value.cidr
  gateway         = each.value.gateway
  tags            = local.tags
  timeout         = var.timeouts.network
}

module "cloud_init" {
  source   = "./modules/cloud_init"
  for_each = { for name, vm in var.vms : name => vm if vm.network_data != null }

  namespace    = var.namespace
  name         = "${each.key}-network-data"
  network_data = each.value.network_data
  tags         = local.tags
  timeout      = var.timeouts.secret
}

module "machine" {
  source   = "./modules/machine"
  for_each = var.vms

  namespace   = var.namespace
  name        = each.key
  description = each.value.description
  tags        = merge(local.tags, { "bridgehead-kind" = each.value.kind })
  cpus        = each.value.cpus
  memory      = each.value.memory
  disk        = each.value.disk
  disk_bus    = each.value.disk_bus
  keep_disk   = each.value.keep_disk
  network     = module.network[each.value.network].id
  mac         = each.value.mac
  nic_model   = each.value.nic_model
  image       = each.value.image == null ? null : module.image[each.value.image].id
  # The disk first: a CD is started only while there is nothing to start from the disk.
  cds = concat(
    each.value.iso == null ? [] : [{ name = "install", image = module.image[each.value.iso].id, boot_order = 2 }],
    each.value.driver_disk == null ? [] : [
      { name = "drivers", image = module.image[each.value.driver_disk].id, boot_order = 0 }
    ],
  )
  efi                 = each.value.efi
  secure_boot         = each.value.secure_boot
  tpm                 = each.value.tpm
  host_devices        = each.value.host_devices
  devices_by_api      = var.attach_host_devices_by_api
  node_selector       = each.value.node_selector
  user_data_secret    = each.value.user_data_secret
  network_data_secret = each.value.network_data == null ? null : module.cloud_init[each.key].name
  running             = each.value.running
  timeout             = var.timeouts.machine
}
