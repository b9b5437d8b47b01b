output "summary" {
  description = "Id (namespace/name), the host it runs on, and the provider's word for its state."
  value = {
    id    = harvester_virtualmachine.this.id
    host  = harvester_virtualmachine.this.node_name
    state = harvester_virtualmachine.this.state
  }
}
