output "id" {
  description = "namespace/name, as machines refer to it."
  value       = harvester_image.this.id
}
