resource "harvester_network" "this" {
  namespace            = var.namespace
  name                 = var.name
  cluster_network_name = var.cluster_network
  vlan_id              = var.vlan
  # `auto` has Harvester ask a DHCP server, which a site need not have.
  route_mode    = var.cidr == null ? "auto" : "manual"
  route_cidr    = var.cidr
  route_gateway = var.gateway
  tags          = var.tags

  timeouts {
    create  = var.timeout
    read    = "5m"
    update  = var.timeout
    delete  = var.timeout
    default = var.timeout
  }
}
