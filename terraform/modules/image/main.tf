resource "harvester_image" "this" {
  namespace          = var.namespace
  name               = var.name
  display_name       = var.file
  source_type        = "download"
  url                = var.url
  checksum           = var.sha512
  storage_class_name = var.storage_class
  tags               = var.tags

  timeouts {
    create  = var.timeout
    read    = "5m"
    update  = var.timeout
    delete  = "10m"
    default = var.timeout
  }

  lifecycle {
    # The digest says which image it is. Another laptop serves the same one at another address, and the provider
    # would replace the image, and with it every disk that came from it.
    ignore_changes = [url]
  }
}
