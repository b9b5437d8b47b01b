# Only what everybody may read: this text stands in the state. User data has private keys and never comes here.
resource "harvester_cloudinit_secret" "this" {
  namespace    = var.namespace
  name         = var.name
  network_data = var.network_data
  tags         = var.tags

  timeouts {
    create  = var.timeout
    read    = var.timeout
    update  = var.timeout
    delete  = var.timeout
    default = var.timeout
  }
}
