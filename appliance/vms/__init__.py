"""Virtual machines: from the Plan to Terraform's variables, its plan, its events, its errors."""
