variable "namespace" {
  description = "Namespace of the image."
  type        = string
}

variable "name" {
  description = "Name of the image."
  type        = string
}

variable "file" {
  description = "Name shown to people; a valid label value, unique in the namespace."
  type        = string
}

variable "url" {
  description = "Where Harvester fetches it, once."
  type        = string
}

variable "sha512" {
  description = "SHA-512 of the file, in hexadecimal."
  type        = string
}

variable "storage_class" {
  description = "Storage class whose settings the image's own class takes over; null for Harvester's default."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of the image."
  type        = map(string)
  default     = {}
}

variable "timeout" {
  description = "How long fetching and importing may take, as a Go duration."
  type        = string
}
