output "name" {
  description = "Name of the Secret, once it exists."
  value       = harvester_cloudinit_secret.this.name
}
