output "vms" {
  description = "Each machine's id (namespace/name), the host it runs on and the provider's word for its state."
  value       = { for name, machine in module.machine : name => machine.summary }
}

output "images" {
  description = "Each image's id (namespace/name)."
  value       = { for name, image in module.image : name => image.id }
}

output "networks" {
  description = "Each network's id (namespace/name)."
  value       = { for name, network in module.network : name => network.id }
}

output "host_devices" {
  description = "What is to be attached through the API where attach_host_devices_by_api is true: machine to devices."
  value = {
    for name, vm in var.vms : name => vm.host_devices
    if var.attach_host_devices_by_api && length(vm.host_devices) > 0
  }
}
